import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type SecureContext, type TLSSocket } from 'node:tls';
import { loadClientTls } from '../../lib/check/client-tls.ts';
import { checkHttp, type HttpCheck } from '../../lib/check/http.ts';
import { linuxFiles } from '../../lib/linux/files.ts';
import { requirePrograms } from '../needs.ts';
import { descriptorsBackTo, HASTY, httpCheck, listening, openDescriptors, realMeans, serve, SUBJECT, target, type TestServer, url } from './servers.ts';

const means = realMeans();
const OK = { type: 'success', matched: 'HTTP status code', notes: [] };
const SHAKE = { type: 'failure', reason: 'SSL handshake/communication error connecting to' };

function check(port: number, more: Partial<HttpCheck> = {}, context: SecureContext | null = null): Promise<unknown> {
  return checkHttp(httpCheck(target(port), { type: 'SSL_GET', ...more }), (more.urls ?? [url()])[0] ?? url(), SUBJECT, means, context).verdict;
}

describe('SSL_GET', function () {
  let folder: string;
  let server: TestServer;
  let open: number;
  const seen: { sni: string | false | null; client: string | undefined }[] = [];
  const pem = (name: string): string => join(folder, name);

  before(async function () {
    requirePrograms(this, 'openssl');
    folder = mkdtempSync(join(tmpdir(), 'tskeepalived-tls-'));
    // Expired, self-signed, for another name: what a check does not look at.
    for (const [name, ...more] of [['server', '-nodes'], ['client', '-passout', 'pass:secret']]) {
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '1', '-subj', `/CN=${name}.elsewhere`, '-keyout', pem(`${name}.key`), '-out', pem(`${name}.pem`), ...more], { stdio: 'ignore' });
    }
    const tls = createServer({ key: readFileSync(pem('server.key')), cert: readFileSync(pem('server.pem')), requestCert: true, rejectUnauthorized: false }, (socket: TLSSocket) => {
      socket.on('error', () => undefined);
      seen.push({ sni: (socket as TLSSocket & { servername: string | false | null }).servername, client: Object.keys(socket.getPeerCertificate()).length === 0 ? undefined : String(socket.getPeerCertificate().subject.CN) });
      socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nhello\n'));
    });
    server = await listening(tls);
    await check(server.port);
    open = openDescriptors();
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => { seen.length = 0; });
  afterEach(async () => {
    expect(await descriptorsBackTo(open), 'descriptors').to.be.at.most(open);
  });

  it('a server that does not speak TLS', async () => {
    const plain = await serve((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n'));
    expect(await check(plain.port).finally(() => plain.close())).to.deep.equal(SHAKE);
  });

  it('a server that closes within the handshake', async () => {
    const plain = await serve((socket) => socket.destroy());
    expect(await check(plain.port).finally(() => plain.close())).to.deep.equal(SHAKE);
  });

  it('a server that never answers the handshake', async () => {
    const plain = await serve(() => undefined);
    const attempt = checkHttp(httpCheck(target(plain.port, { connectTimeout: HASTY.connectTimeout }), { type: 'SSL_GET', schedule: HASTY.schedule }), url(), SUBJECT, means, null);
    expect(await attempt.verdict.finally(() => plain.close())).to.deep.equal({ type: 'failure', reason: 'Timeout connecting' });
  });

  it('a certificate that is nobody’s is not looked at', async () => {
    expect(await check(server.port)).to.deep.equal(OK);
    expect(seen).to.deep.equal([{ sni: false, client: undefined }]);
  });

  for (const [name, more, sni] of [
    ['no SNI without enable_sni', { virtualHost: 'www.example.org' }, false],
    ['enable_sni: the virtualhost', { sni: true, sniHost: 'www.example.org' }, 'www.example.org'],
    ['enable_sni: not that of the real server', { sni: true, virtualHost: 'www.example.org' }, false],
    ["enable_sni: the URL's virtualhost", { sni: true, virtualHost: 'www.example.org', urls: [url({ virtualHost: 'a.example.org' })] }, 'a.example.org'],
    ['sni_name goes first', { sni: true, sniName: 's.example.org', virtualHost: 'www.example.org' }, 's.example.org'],
    ['an address is no name', { sni: true, sniHost: '192.0.2.1' }, false],
    ['tls_compliant', { urls: [url({ tlsCompliant: true })] }, false],
  ] as const) {
    it(name, async () => {
      expect(await check(server.port, more)).to.deep.equal(OK);
      expect(seen.map((one) => one.sni)).to.deep.equal([sni]);
    });
  }

  it('the certificate, the key and the password of the SSL block', async () => {
    const { context, problems } = await loadClientTls({ certificate: pem('client.pem'), key: pem('client.key'), password: 'secret', ca: pem('server.pem') }, linuxFiles());
    expect(problems).to.deep.equal([]);
    expect(await check(server.port, {}, context)).to.deep.equal(OK);
    expect(seen.map((one) => one.client)).to.deep.equal(['client.elsewhere']);
  });

  it('files that cannot be read, a password that is wrong: said, without the secret; checks go on', async () => {
    const missing = await loadClientTls({ certificate: pem('none.pem'), key: null, password: null, ca: pem('none.ca') }, linuxFiles());
    expect(missing.problems).to.deep.equal([`SSL error : Cant load CA file... (${pem('none.ca')}: ENOENT)`, `SSL error : Cant load certificate file... (${pem('none.pem')}: ENOENT)`]);
    const wrong = await loadClientTls({ certificate: pem('client.pem'), key: pem('client.key'), password: 'wrong-word', ca: null }, linuxFiles());
    expect(wrong.problems).to.have.length(1);
    expect(wrong.problems[0]).to.match(/^SSL error: cannot create new SSL context/u).and.not.include('wrong-word');
    expect(await check(server.port, {}, wrong.context)).to.deep.equal(OK);
  });
});
