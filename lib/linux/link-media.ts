import type { LinkMedia, MediaMethod } from '../system/link-media.ts';
import { addressOf, AF_INET, check, close, ioctlAside, NATIVE_LITTLE_ENDIAN, pinned, SOCK_CLOEXEC, SOCK_DGRAM, socket, writeWord } from './libc.ts';

/** netdevice(7), linux/sockios.h, linux/ethtool.h, linux/mii.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCETHTOOL = 0x8946;
const SIOCGMIIPHY = 0x8947;
const SIOCGMIIREG = 0x8948;
const ETHTOOL_GLINK = 0x0000000a;
const MII_BMSR = 1;
const BMSR_LSTATUS = 0x0004;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFNAMSIZ = 16;
/** struct ifreq: the name, and a union of which pointers and mii_ioctl_data are the part used here. */
const IFREQ_LENGTH = 40;

/** By ioctl(2) in a thread of the pool: reading a PHY's registers may take milliseconds. */
export function linuxLinkMedia(): LinkMedia {
  let fd: number | null = null;
  return {
    async hasLink(name, method) {
      if (name.length >= IFNAMSIZ) return null;
      fd ??= check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open a socket for', 'link states');
      return METHODS[method](fd, name);
    },
    close() {
      if (fd !== null) close(fd);
      fd = null;
    },
  };
}

const METHODS: Readonly<Record<MediaMethod, (fd: number, name: string) => Promise<boolean | null>>> = { MII: byMii, ETHTOOL: byEthtool, IOCTL: byFlags };

/** The PHY's Basic Mode Status Register; its link bit stays low until read once, so the second reading counts. */
async function byMii(fd: number, name: string): Promise<boolean | null> {
  const request = ifreq(name);
  if ((await ioctlAside(fd, SIOCGMIIPHY, request)) < 0) return null;
  const data = view(request);
  let status = 0;
  for (let i = 0; i < 2; i++) {
    data.setUint16(IFNAMSIZ + 2, MII_BMSR, NATIVE_LITTLE_ENDIAN);
    if ((await ioctlAside(fd, SIOCGMIIREG, request)) < 0) return null;
    status = data.getUint16(IFNAMSIZ + 6, NATIVE_LITTLE_ENDIAN);
  }
  // All ones or zeros: nobody answered on the bus.
  return status === 0xffff || status === 0 ? null : (status & BMSR_LSTATUS) !== 0;
}

async function byEthtool(fd: number, name: string): Promise<boolean | null> {
  const value = pinned(8);
  view(value).setUint32(0, ETHTOOL_GLINK, NATIVE_LITTLE_ENDIAN);
  const request = ifreq(name);
  writeWord(request, IFNAMSIZ, addressOf(value));
  if ((await ioctlAside(fd, SIOCETHTOOL, request)) < 0) return null;
  return view(value).getUint32(4, NATIVE_LITTLE_ENDIAN) !== 0;
}

async function byFlags(fd: number, name: string): Promise<boolean | null> {
  const request = ifreq(name);
  if ((await ioctlAside(fd, SIOCGIFFLAGS, request)) < 0) return null;
  const flags = view(request).getUint16(IFNAMSIZ, NATIVE_LITTLE_ENDIAN);
  return (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0;
}

function ifreq(name: string): Buffer {
  const request = pinned(IFREQ_LENGTH);
  request.write(name, 0, IFNAMSIZ - 1, 'latin1');
  return request;
}

function view(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
