/** How a link's state can be asked of its driver, as keepalived.conf(5) calls them. */
export type MediaMethod = 'MII' | 'ETHTOOL' | 'IOCTL';

/** The link state of an interface by asking, for drivers that do not tell of changes by themselves. */
export interface LinkMedia {
  /** Is there a link? null: the driver does not answer this way (or there is no such interface). Never rejects, waits in a thread of its own. */
  hasLink(name: string, method: MediaMethod): Promise<boolean | null>;
  close(): void;
}
