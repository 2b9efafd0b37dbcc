import { CST, Lexer } from 'yaml';
import { stripMark, type Comment } from './comments.ts';

/** The comments of YAML text, as the YAML lexer sees them. */
export function yamlComments(text: string): Comment[] {
  const found: Comment[] = [];
  let line = 1;
  for (const token of new Lexer().lex(text)) {
    if (CST.tokenType(token) === 'comment') found.push({ line, text: stripMark(token) });
    for (const c of token) if (c === '\n') line++;
  }
  return found;
}
