import { printNotes, translatedServices } from '../../../ipvs/fullnat/notes.ts';
import type { IpvsConfig } from '../../../config/model-ipvs.ts';
import { SystemError } from '../../../system/error.ts';
import type { Files } from '../../../system/files.ts';
import type { Log } from '../../log/log.ts';

/** The file that tells `tskeepalived ipvs` which masquerading services are FULLNAT. It is there while there is any. */
export class ServiceNotes {
  readonly #files: Pick<Files, 'read' | 'write' | 'remove'>;
  readonly #log: Log;
  readonly #path: string;
  readonly #epoch: string;
  /** null: what a run before has left is not known. */
  #written: string | null = null;
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve();

  constructor(files: Pick<Files, 'read' | 'write' | 'remove'>, log: Log, path: string, epoch: string) {
    this.#files = files;
    this.#log = log;
    this.#path = path;
    this.#epoch = epoch;
  }

  /** `served`: the configuration as IPVS gets it; null: there is none any more. */
  note(config: IpvsConfig, served: IpvsConfig | null): Promise<void> {
    const services = served === null ? [] : translatedServices(config, served);
    const text = services.length === 0 ? '' : printNotes(this.#epoch, services);
    this.#changing = this.#changing.then(() => this.#become(text));
    return this.#changing;
  }

  async #become(text: string): Promise<void> {
    this.#written ??= await this.#leftover();
    if (text === this.#written) return;
    try {
      if (text === '') await this.#files.remove(this.#path);
      else await this.#files.write(this.#path, text, 0o644);
      this.#written = text;
    } catch (cause) {
      if (cause instanceof SystemError && cause.code === 'ENOENT' && text === '') this.#written = text;
      else this.#log.warn(`${this.#path} cannot be written (${String(cause)}): tskeepalived ipvs shows services with FULLNAT as masquerading`);
    }
  }

  /** Where nothing stands nothing is removed: the directory may be one that cannot be written. */
  async #leftover(): Promise<string | null> {
    try {
      return new TextDecoder().decode(await this.#files.read(this.#path));
    } catch (cause) {
      return cause instanceof SystemError && cause.code === 'ENOENT' ? '' : null;
    }
  }
}
