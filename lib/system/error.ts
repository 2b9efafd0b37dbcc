/** A request to the machine that failed: which operation, on what, with which errno. Thrown only by lib/linux (and its simulation). */
export class SystemError extends Error {
  readonly operation: string;
  readonly object: string;
  /** The errno's name, e.g. 'EEXIST'. */
  readonly code: string;

  constructor(operation: string, object: string, code: string, cause?: unknown) {
    super(`${operation} ${object}: ${code}`, cause === undefined ? undefined : { cause });
    this.name = 'SystemError';
    this.operation = operation;
    this.object = object;
    this.code = code;
  }
}
