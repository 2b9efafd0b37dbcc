import { Socket } from 'node:net';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { MailSettings } from '../../config/model.ts';
import type { Log } from '../log/log.ts';
import type { Message } from './message.ts';

/** Sends mails beside the daemon's work. Nothing here throws or is waited for, except `idle` at the end. */
export interface Mailer {
  /** One connection per mail, those of one moment in parallel; what goes wrong is logged. */
  send(settings: MailSettings, message: Message): void;
  /** When all mails are done, or after `graceMs`, the rest being given up then. */
  close(graceMs: number): Promise<void>;
}

/** Connections at a time; the rest waits its turn. */
const PARALLEL = 8;
/** Mails waiting; more are lost, which is logged once until there is room again. */
const MAX_WAITING = 64;

/** SMTP alerts with keepalived's dialogue: HELO, MAIL FROM, RCPT TO each, DATA, QUIT. */
export function createMailer(log: Log): Mailer {
  const waiting: { settings: MailSettings; message: Message }[] = [];
  const open = new Set<Delivery>();
  let overflowing = false;

  function next(): void {
    while (open.size < PARALLEL) {
      const job = waiting.shift();
      if (job === undefined) return;
      overflowing = false;
      const delivery = deliver(job.settings, job.message, log);
      open.add(delivery);
      void delivery.done.then(() => {
        open.delete(delivery);
        next();
      });
    }
  }

  return {
    send(settings, message) {
      if (waiting.length >= MAX_WAITING) {
        if (!overflowing) log.warn(`SMTP alerts are lost: ${String(MAX_WAITING)} are waiting for ${printServer(settings)} already`);
        overflowing = true;
        return;
      }
      waiting.push({ settings, message });
      next();
    },
    async close(graceMs) {
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), graceMs)));
      while (open.size + waiting.length > 0) {
        if ((await Promise.race([grace, ...[...open].map((delivery) => delivery.done)])) === 'late') break;
      }
      clearTimeout(timer);
      const left = open.size + waiting.splice(0).length;
      if (left > 0) log.warn(`${String(left)} SMTP alerts given up at the stop`);
      for (const delivery of open) delivery.abort();
    },
  };
}

/** One mail over one connection. nodemailer is loaded for the first one only: most daemons never send any. */
function deliver(settings: MailSettings, message: Message, log: Log): Delivery {
  const socket = new Socket();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const done = import('nodemailer/lib/smtp-connection').then(
    ({ default: SMTPConnection }) => {
      if (socket.destroyed) return;
      const { host, port } = settings.server;
      const limit = settings.timeout;
      const connection = new SMTPConnection({
        host, port, name: settings.helo, socket, secure: false, ignoreTLS: true,
        connectionTimeout: limit, greetingTimeout: limit, socketTimeout: limit, socketCloseTimeout: limit,
      });
      converse(connection, socket, message, printServer(settings), log);
      return closed;
    },
    (cause: unknown) => log.error(`SMTP alert cannot be sent to ${printServer(settings)}: ${String(cause)}`),
  );
  return { done, abort: () => socket.destroy() };
}

/**
 * nodemailer does the dialogue; its greeting is made a HELO, which is what keepalived says and what every server
 * understands: no extension is wanted. The socket is closed in the end, whatever happens.
 */
function converse(connection: SMTPConnection, socket: Socket, message: Message, server: string, log: Log): void {
  socket.once('connect', () => {
    log.info(`Remote SMTP server ${server} connected.`);
    sayHelo(socket);
  });
  let over = false;
  function finish(problem: SmtpProblem | null): void {
    if (over) return;
    over = true;
    if (problem !== null) log.error(describe(problem, server), { err: problem });
    // A refused dialogue is ended with QUIT like a good one; a lost connection just closes.
    if (problem === null || problem.responseCode !== undefined) connection.quit();
    else connection.close();
  }
  connection.on('error', finish);
  connection.connect((problem) => {
    if (problem) {
      finish(problem);
      return;
    }
    connection.send({ from: message.from, to: [...message.to] }, message.raw, (failure, info) => {
      if (!failure) {
        for (const refused of info?.rejectedErrors ?? []) log.error(describe(refused, server), { err: refused });
        log.info('SMTP alert successfully sent.');
      }
      finish(failure);
    });
  });
}

interface Delivery {
  /** The connection is closed, whatever became of the mail. */
  readonly done: Promise<void>;
  readonly abort: () => void;
}

/** What nodemailer tells of a failure. */
interface SmtpProblem extends Error {
  readonly code?: string | undefined;
  readonly command?: string | undefined;
  readonly responseCode?: number | undefined;
}

/** Turns nodemailer's EHLO into HELO. Node puts the socket's own `write` back when it connects, so this comes after. */
function sayHelo(socket: Socket): void {
  const write = socket.write.bind(socket) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  Object.assign(socket, {
    write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
      const text = Buffer.from(chunk).toString('latin1');
      return write(text.startsWith('EHLO ') ? Buffer.from(`HELO ${text.slice(5)}`, 'latin1') : chunk, ...rest);
    },
  });
}

/** keepalived's words for what went wrong. */
function describe(problem: SmtpProblem, server: string): string {
  if (problem.responseCode !== undefined) {
    return `Error processing ${commandOf(problem)} cmd on SMTP server ${server}. SMTP status code = ${String(problem.responseCode)}`;
  }
  if (problem.code === 'ETIMEDOUT') return `Timeout reading data to remote SMTP server ${server}.`;
  if (/closed/i.test(problem.message)) return `Remote SMTP server ${server} has closed the connection.`;
  return `SMTP alert cannot be sent to ${server}: ${problem.message}`;
}

/** keepalived's name for the command that was refused; nodemailer says DATA for the message itself too. */
function commandOf({ code, command }: SmtpProblem): string {
  switch (command) {
    case undefined:
    case 'CONN':
      return '(E)SMTP';
    case 'EHLO':
      return 'HELO';
    case 'MAIL FROM':
      return 'MAIL';
    case 'RCPT TO':
      return 'RCPT';
    case 'DATA':
      return code === 'EMESSAGE' ? 'BODY' : 'DATA';
    default:
      return command;
  }
}

function printServer(settings: MailSettings): string {
  return `[${settings.server.host}]:${String(settings.server.port)}`;
}
