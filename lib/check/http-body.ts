import { createHash } from 'node:crypto';
import type { HttpUrl } from '../config/model-ipvs.ts';
import { limited, type ResponseHead } from './http-response.ts';
import { bodySearch } from './regex-search.ts';
import { failure, type Found } from './verdict.ts';

/** Looks at a body as it comes, keeping no more of it than a regular expression needs. */
export interface BodyJudge {
  take(part: Buffer, head: ResponseHead): void;
  verdict(): Found;
  close(): void;
}

/** `problem`: a regular expression that cannot be used, as a log line. */
export function bodyJudge(url: HttpUrl): BodyJudge | { readonly problem: string } {
  const search = url.regex === null ? null : bodySearch(url.regex);
  if (search !== null && 'problem' in search) return search;
  const hash = url.digests.length === 0 ? null : createHash('md5');
  let seen = 0;
  return {
    take(part, head) {
      hash?.update(limited(part, seen, head.contentLength));
      seen += part.length;
      search?.take(part);
    },
    verdict() {
      if (hash !== null && !url.digests.includes(hash.digest('hex'))) return failure('MD5 digest error to');
      if (search !== null && search.found() === url.regex?.negated) return failure('Regex match failed');
      return { type: 'success', matched: hash !== null ? 'MD5 digest' : search !== null ? 'Regex match' : 'HTTP status code' };
    },
    close() { search?.close(); },
  };
}

const SUCCESSFUL = [{ from: 200, to: 299 }];

/** Without status_code 2xx is good, also beside a digest or a regular expression. */
export function isGoodStatus({ statusCodes }: Pick<HttpUrl, 'statusCodes'>, status: number | null): boolean {
  return status !== null && (statusCodes.length > 0 ? statusCodes : SUCCESSFUL).some(({ from, to }) => status >= from && status <= to);
}
