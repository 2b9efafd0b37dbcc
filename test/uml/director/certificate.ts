import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Pem {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for a name that nobody asks for, made in `folder`. */
export function selfSigned(folder: string): Pem {
  const [key, cert] = [join(folder, 'server.key'), join(folder, 'server.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '1', '-subj', '/CN=elsewhere.example', '-nodes', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
