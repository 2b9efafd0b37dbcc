import { createSecureContext, type SecureContext } from 'node:tls';
import type { IpvsConfig } from '../config/model-ipvs.ts';
import type { Files } from '../system/files.ts';
import { SystemError } from '../system/error.ts';

export interface ClientTls {
  readonly context: SecureContext;
  /** What could not be used, as log lines; the checks are made without it. */
  readonly problems: readonly string[];
}

/** The client side of SSL_GET from the SSL block. A CA is loaded, but nothing is verified with it (reference 5.2). */
export async function loadClientTls(ssl: IpvsConfig['ssl'], files: Pick<Files, 'read'>): Promise<ClientTls> {
  if (ssl === null) return { context: createSecureContext(), problems: [] };
  const problems: string[] = [];
  const read = async (path: string | null, complaint: string): Promise<Buffer | undefined> => {
    if (path === null) return undefined;
    try {
      return Buffer.from(await files.read(path));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      problems.push(`${complaint} (${path}: ${cause.code})`);
      return undefined;
    }
  };
  const ca = await read(ssl.ca, 'SSL error : Cant load CA file...');
  const cert = await read(ssl.certificate, 'SSL error : Cant load certificate file...');
  const key = await read(ssl.key, 'SSL error : Cant load key file...');
  const passphrase = ssl.password ?? undefined;
  try {
    return { context: createSecureContext(defined({ ca, cert, key, passphrase })), problems };
  } catch (cause) {
    // OpenSSL's words name the trouble (wrong passphrase, key of another certificate), never the secret.
    problems.push(`SSL error: cannot create new SSL context (${(cause as Error).message}); SSL_GET goes on without client certificate`);
    return { context: createSecureContext(), problems };
  }
}

function defined<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: NonNullable<T[K]> };
}
