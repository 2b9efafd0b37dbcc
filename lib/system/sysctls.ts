/** Kernel parameters of sysctl(8), each a path below /proc/sys: `net/ipv4/conf/eth0/promote_secondaries`. Reject with SystemError. */
export interface Sysctls {
  /** Without the newline. */
  read(path: string): Promise<string>;
  write(path: string, value: string): Promise<void>;
}
