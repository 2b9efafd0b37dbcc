/** glob(7): patterns of file names. */

const CLASSES: Readonly<Record<string, string>> = {
  alpha: '\\p{L}', digit: '0-9', alnum: '\\p{L}0-9', upper: '\\p{Lu}', lower: '\\p{Ll}', space: '\\s', punct: '\\p{P}\\p{S}', xdigit: '0-9A-Fa-f', blank: ' \\t', cntrl: '\\p{Cc}',
};

/**
 * What one component of a path matches: `*`, `?`, `[a-z]`, `[!a-z]`, `[[:digit:]]`. Anything else stands for itself: also a bracket
 * that is not closed. A range from high to low is empty.
 */
export function globMatcher(component: string): RegExp {
  let source = '';
  for (let i = 0; i < component.length; i++) {
    const c = component.charAt(i);
    const close = c === '[' ? closing(component, i) : -1;
    if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (close > 0) {
      source += bracket(component.slice(i + 1, close));
      i = close;
    } else source += literal(c);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** Where the bracket that opens at `open` is closed; -1: nowhere. A `]` that comes first stands for itself. */
function closing(text: string, open: number): number {
  let i = open + (text.charAt(open + 1) === '!' || text.charAt(open + 1) === '^' ? 2 : 1);
  if (text.charAt(i) === ']') i++;
  while (i < text.length && text.charAt(i) !== ']') {
    const end = text.startsWith('[:', i) ? text.indexOf(':]', i + 2) : -1;
    i = end < 0 ? i + 1 : end + 2;
  }
  return i < text.length ? i : -1;
}

function bracket(inside: string): string {
  const negated = inside.startsWith('!') || inside.startsWith('^');
  let members = '';
  // By whole characters, so that a range is one of code points.
  const items = (negated ? inside.slice(1) : inside).match(/\[:[a-z]+:\]|./gsu) ?? [];
  for (let i = 0; i < items.length; i++) {
    const item = items[i] ?? '';
    // A class ends no range.
    const last = items[i + 1] === '-' && items[i + 2]?.startsWith('[:') !== true ? items[i + 2] : undefined;
    if (item.length > 2 && item.startsWith('[:')) members += CLASSES[item.slice(2, -2)] ?? '';
    else if (last === undefined) members += member(item);
    else {
      if ((item.codePointAt(0) ?? 0) <= (last.codePointAt(0) ?? 0)) members += `${member(item)}-${member(last)}`;
      i += 2;
    }
  }
  if (members === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${members}]`;
}

function literal(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&');
}

function member(c: string): string {
  return c === '-' ? '\\-' : literal(c);
}
