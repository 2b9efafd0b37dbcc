/**
 * An error as one line with its place in the operator's file, `FILE:LINE:COLUMN: message`; without the place when the
 * stack has none.
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
  const match = /^ParseError: ([\s\S]*?)\s+(\S+:\d+:\d+)\s*$/.exec(message);
  return match === null ? null : `${match[2] ?? ''}: ${(match[1] ?? '').replace(/\s+/g, ' ').trim()}`;
}

/** The innermost frame that is in the operator's file. */
function placeIn(stack: string, file: string): string | null {
  for (const line of stack.split('\n')) {
    const at = line.indexOf(file);
    const place = at < 0 ? null : /^:\d+:\d+/.exec(line.slice(at + file.length));
    if (place !== null && line.trimStart().startsWith('at ')) return `${file}${place[0]}`;
  }
  return null;
}
