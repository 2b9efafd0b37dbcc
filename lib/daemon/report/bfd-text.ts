/** RFC 5880 §4.1, in keepalived's words. */
const DIAGNOSTICS = [
  'No Diagnostic', 'Control Detection Time Expired', 'Echo Function Failed', 'Neighbor Signaled Session Down', 'Forwarding Plane Reset', 'Path Down',
  'Concatenated Path Down', 'Administratively Down', 'Reverse Concatenated Path Down',
];

export function diagnosticText(diagnostic: number): string {
  return DIAGNOSTICS[diagnostic] ?? 'unknown';
}
