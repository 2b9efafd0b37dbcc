/**
 * An error as one line with its place in the operator's file: `FILE:LINE:COLUMN: message` for a syntax error,
 * `FILE:LINE: message` for one at run time (jiti keeps lines, not columns), `FILE: message` when the stack has no place.
 */
export function describeProblem(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `${file}: ${typeof error === 'string' ? error : (JSON.stringify(error) ?? String(error))}`;
  const parsed = parseErrorOf(error.message);
  if (parsed !== null) return parsed;
  const message = (error.message.split('\n')[0] ?? '').trim();
  return `${placeIn(error.stack ?? '', file) ?? file}: ${error.name === 'Error' || message.startsWith(error.name) ? '' : `${error.name}: `}${message}`;
}

/** jiti's syntax errors: `ParseError: text` and the place at the end, on a line of its own. */
function parseErrorOf(message: string): string | null {
  const match = /^ParseError: ([\s\S]*?)\s+(\S+:\d+):(\d+)\s*$/.exec(message);
  if (match === null) return null;
  const [, text = '', place = '', column = ''] = match;
  return `${place}:${String(Number(column) + 1)}: ${text.replace(/\s+/g, ' ').trim()}`; // its columns count from 0
}

/** The innermost frame that is in the operator's file. */
function placeIn(stack: string, file: string): string | null {
  for (const line of stack.split('\n')) {
    const at = line.indexOf(file);
    const place = at < 0 ? null : /^:\d+/.exec(line.slice(at + file.length));
    if (place !== null && line.trimStart().startsWith('at ')) return `${file}${place[0]}`;
  }
  return null;
}
