/** What tskeepalived can do beyond keepalived: names and meanings for the usage; the commands themselves load when called. */
export const SUBCOMMANDS: readonly { readonly name: string; readonly meaning: string }[] = [
  { name: 'scan', meaning: 'show VRRP advertisements on a link, decoded' },
  { name: 'fmt', meaning: 'lay out a configuration file in one way' },
  { name: 'convert', meaning: 'write a configuration as YAML or as conf' },
];
