import type { Config, MailSettings, NotifyFifo, ScriptCommand } from '../../config/model.ts';
import type { RealServer, VirtualServer } from '../../config/model-ipvs.ts';
import type { Clock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { ScriptRunner } from '../../system/script-runner.ts';
import type { Log } from '../log/log.ts';
import type { Mailer } from '../notify/mail.ts';
import { buildMessage } from '../notify/message.ts';
import { Pipes, type WantedPipe } from '../notify/pipes.ts';

export interface LvsNotifierParts {
  readonly scripts: ScriptRunner;
  readonly files: Pick<Files, 'openFifo'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly mailer: Mailer;
}

/** Tells of real servers and quorums: scripts, FIFO lines, mail (reference 5.3). Nothing here delays the caller. */
export class LvsNotifier {
  readonly #parts: LvsNotifierParts;
  readonly #pipes: Pipes;
  #settings: Settings;

  constructor(config: Config, parts: LvsNotifierParts) {
    this.#parts = parts;
    this.#settings = settingsOf(config);
    this.#pipes = new Pipes(parts.files, parts.scripts, parts.log);
  }

  /** Opens the FIFOs and starts their scripts; never rejects. To be awaited before the first event. */
  start(): Promise<void> {
    return this.#pipes.open(this.#settings.pipes);
  }

  reload(config: Config): Promise<void> {
    this.#settings = settingsOf(config);
    return this.#pipes.reopen(this.#settings.pipes);
  }

  server(service: VirtualServer, server: RealServer, up: boolean): void {
    this.#run(up ? server.notifyUp : server.notifyDown);
    this.#pipes.write(`RS ${server.id} ${service.id} ${upDown(up)}\n`);
  }

  quorum(service: VirtualServer, up: boolean, text: string): void {
    this.#run(up ? service.quorumUp : service.quorumDown);
    this.#pipes.write(`VS ${service.id} ${upDown(up)}\n`);
    if (service.smtpAlert) this.#mail(`Virtualserver ${service.id} - ${upDown(up)}`, text);
  }

  /** `changed`: the server, and not only one of its checkers. */
  checked(service: VirtualServer, server: RealServer, up: boolean, changed: boolean, text: string): void {
    if (!server.smtpAlert || (!changed && !this.#settings.checkerMails)) return;
    this.#mail(`Realserver ${server.id} of virtual server ${service.id} - ${upDown(up)}`, text);
  }

  /** Gives mails `grace` milliseconds; scripts run on by themselves. */
  async stop(grace: number): Promise<void> {
    await this.#parts.mailer.close(grace);
    await this.#pipes.close();
  }

  #mail(subject: string, text: string): void {
    const { mail, routerId } = this.#settings;
    if (mail !== null) this.#parts.mailer.send(mail, buildMessage(mail, routerId, { subject, text }, new Date(this.#parts.clock.wall())));
  }

  #run(command: ScriptCommand | null): void {
    if (command === null) return;
    const { argv, account } = command;
    const running = this.#parts.scripts.run(argv, { timeout: null, user: account?.user ?? null, group: account?.group ?? null });
    void running.result.then((result) => {
      // Its exit status is its own affair; one that did not run is the operator's.
      if (result.type === 'failed') this.#parts.log.warn(`Notify script '${argv.join(' ')}' could not be run: ${result.reason}`, { argv });
    });
  }
}

interface Settings {
  readonly routerId: string;
  readonly mail: MailSettings | null;
  readonly checkerMails: boolean;
  readonly pipes: readonly WantedPipe[];
}

function settingsOf({ global, ipvs }: Config): Settings {
  const pipe = (fifo: NotifyFifo | null, label: WantedPipe['label']): WantedPipe[] => (fifo === null ? [] : [{ fifo, label }]);
  return { routerId: global.routerId, mail: global.mail, checkerMails: ipvs.checkerMails, pipes: [...pipe(global.notifyFifo, 'notify'), ...pipe(ipvs.notifyFifo, 'lvs notify')] };
}

function upDown(up: boolean): string {
  return up ? 'UP' : 'DOWN';
}
