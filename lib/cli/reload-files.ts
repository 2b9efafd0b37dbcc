/** The files around a reload: reload_check_config's log, reload_file, config_save_dir. */
import { appendFile, chmod, mkdir, open, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GlobalValues } from '../config/keywords/global-defs.ts';
import type { Log } from '../daemon/log/log.ts';

/** reload_file: there while configuration files are read. Absolute; null: not asked for. */
export function reloadMark(settings: Pick<GlobalValues, 'reload_file'>, pidFile: string): string | null {
  const { reload_file: given } = settings;
  return given === undefined ? null : (given ?? `${dirname(pidFile)}/keepalived.reload`);
}

/** Runs `read` while the mark is there, made or emptied before and removed after it. A mark that cannot be made is said. */
export async function whileMarked<T>(mark: string | null, log: Log, read: () => Promise<T>): Promise<T> {
  if (mark === null) return read();
  await said(log, `reload_file ${mark} cannot be made`, async () => { await (await open(mark, 'w')).close(); });
  try {
    return await read();
  } finally {
    await said(log, `reload_file ${mark} cannot be removed`, () => unlink(mark));
  }
}

/** What a configuration test had to say, for whoever wants to know why a reload was not done. */
export async function appendVerdict(file: string, lines: readonly string[], log: Log): Promise<void> {
  await said(log, `${file} cannot be written`, () => appendFile(file, lines.map((line) => `${line}\n`).join('')));
}

/** config_save_dir: a copy of what was read, and of what it meant before and after a reload. */
export class SavedConfigurations {
  readonly #log: Log;
  readonly #pid: number;
  #count = 0;

  constructor(log: Log, pid: number) {
    this.#log = log;
    this.#pid = pid;
  }

  /** The files as they were read, one after the other: `keepalived.conf.PID.N`. */
  async read(directory: string | undefined, files: readonly string[]): Promise<void> {
    if (directory === undefined) return;
    await said(this.#log, `config_save_dir ${directory}`, async () => {
      const texts = await Promise.all(files.map(async (file) => `# ${file}\n${await readFile(file, 'utf8')}`));
      await this.#save(directory, `keepalived.conf.${this.#pid}.${this.#count}`, texts.join('\n'));
    });
  }

  /** The dump before or after a reload: `keepalived_vrrp.PID.N.pre` and `.post`; reloads are counted from 1. */
  async dump(directory: string | undefined, when: 'pre' | 'post', text: string): Promise<void> {
    if (when === 'pre') this.#count++;
    if (directory === undefined) return;
    await said(this.#log, `config_save_dir ${directory}`, () => this.#save(directory, `keepalived_vrrp.${this.#pid}.${this.#count}.${when}`, text));
  }

  /** Only the last part of the directory's path is made. */
  async #save(directory: string, name: string, text: string): Promise<void> {
    try {
      await mkdir(directory);
      await chmod(directory, 0o700);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
    await writeFile(`${directory}/${name}`, text, { mode: 0o600 });
  }
}

/** A file that helps the operator is worth a line when it fails, not a reload. */
async function said(log: Log, what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    log.error(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
