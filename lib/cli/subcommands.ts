/** What tskeepalived can do beyond keepalived: names and meanings for the usage; the commands themselves load when called. */
export const SUBCOMMANDS: readonly { readonly name: string; readonly meaning: string }[] = [
  { name: 'scan', meaning: 'show VRRP advertisements on a link, decoded' },
  { name: 'ipvs', meaning: 'list virtual services, their destinations and connections, as ipvsadm does' },
  { name: 'toa', meaning: "on a real server behind FULLNAT: have programs see the client's address" },
  { name: 'doctor', meaning: 'examine this machine for what a configuration asks of IPVS and FULLNAT' },
  { name: 'genhash', meaning: 'print the digest of a page, as HTTP_GET and SSL_GET compare it' },
  { name: 'fmt', meaning: 'lay out a configuration file in one way' },
  { name: 'convert', meaning: 'write a configuration as YAML or as conf' },
  { name: 'check', meaning: 'say what is wrong with configuration files, or with a pair of them' },
  { name: 'dump', meaning: 'print the effective configuration, defaults filled in' },
  { name: 'diff', meaning: 'tell what a reload of another configuration would do' },
  { name: 'explain', meaning: 'tell what a keyword or the code of a diagnostic means' },
  { name: 'features', meaning: 'list the keywords that are in effect, and those that are not yet' },
  { name: 'schema', meaning: 'print the JSON schema of the YAML form' },
  { name: 'man', meaning: 'print the manual page keepalived.conf(5)' },
  { name: 'completion', meaning: 'print a completion script for the shell' },
];
