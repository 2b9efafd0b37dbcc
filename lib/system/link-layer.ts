/** Whole Ethernet frames out of an interface: gratuitous ARP, unsolicited neighbour advertisements. */
export interface LinkLayer {
  /** Sends the frames in order, in this turn, in as few system calls as it can; throws SystemError. Never promiscuous, receives nothing. */
  send(linkIndex: number, frames: readonly Uint8Array[]): void;
  close(): void;
}
