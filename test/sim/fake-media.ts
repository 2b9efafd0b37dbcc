import type { LinkMedia, MediaMethod } from '../../lib/system/link-media.ts';

/** Drivers that answer as a test says. */
export class FakeMedia implements LinkMedia {
  /** `NAME METHOD` → what the driver answers; what is not there it does not know. */
  readonly answers = new Map<string, boolean>();
  readonly asked: string[] = [];
  /** Answers are kept back while this is true. */
  stuck = false;

  hasLink(name: string, method: MediaMethod): Promise<boolean | null> {
    this.asked.push(`${name} ${method}`);
    if (this.stuck) return new Promise(() => undefined);
    return Promise.resolve(this.answers.get(`${name} ${method}`) ?? null);
  }

  close(): void {
    this.answers.clear();
  }
}
