/** Finds the regular expressions in a compiled source. */

export interface FoundExpression {
  readonly source: string;
  readonly flags: string;
}

/** After these a slash divides; after everything else it begins an expression. */
const ENDS_VALUE = /[\w$)\]"'`]$/;
/** Words after which a value follows. */
const BEFORE_VALUE = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|yield|await|default)$/;

/**
 * The literals of a text of JavaScript, in their order, comments and strings left out; those in the places of template
 * strings too.
 */
export function expressionsIn(code: string): readonly FoundExpression[] {
  const found: FoundExpression[] = [];
  /** Depths of braces at which a template string continues. */
  const templates: number[] = [];
  let depth = 0;
  let at = code.startsWith('#!') ? endOf(code, '\n', 0) : 0;
  /** What stood before, without blanks: enough of it to tell what a slash means. */
  let before = '';
  const skipTemplate = (): void => {
    for (; at < code.length; at++) {
      if (code[at] === '\\') at++;
      else if (code[at] === '`') break;
      else if (code[at] === '$' && code[at + 1] === '{') {
        templates.push(depth++);
        at += 2;
        before = '{';
        return;
      }
    }
    at++;
    before = '`';
  };
  while (at < code.length) {
    const sign = code[at] as string;
    if (code.startsWith('//', at)) at = endOf(code, '\n', at);
    else if (code.startsWith('/*', at)) at = endOf(code, '*/', at + 2) + 2;
    else if (sign === '"' || sign === "'") {
      for (at++; at < code.length && code[at] !== sign; at++) if (code[at] === '\\') at++;
      at++;
      before = sign;
    } else if (sign === '`') {
      at++;
      skipTemplate();
    } else if (sign === '/' && (!ENDS_VALUE.test(before) || BEFORE_VALUE.test(before))) {
      const start = ++at;
      for (let isClass = false; code[at] !== '/' || isClass; at++) {
        if (code[at] === '\\') at++;
        else if (code[at] === '[') isClass = true;
        else if (code[at] === ']') isClass = false;
        else if (code[at] === '\n' || at >= code.length) throw new Error(`no end of an expression: ${code.slice(start, start + 60)}`);
      }
      const source = code.slice(start, at++);
      const flagsStart = at;
      while (/[a-z]/.test(code[at] ?? '')) at++;
      found.push({ source, flags: code.slice(flagsStart, at) });
      before = ')';
    } else {
      if (sign === '{') depth++;
      at++;
      if (sign === '}') {
        depth--;
        if (templates.at(-1) === depth) {
          templates.pop();
          skipTemplate();
          continue;
        }
      }
      if (!/\s/.test(sign)) before = (before + sign).slice(-12);
      else if (/\w$/.test(before)) before = `${before} `.slice(-12).trimEnd() + (/[\w$]/.test(code[at] ?? '') ? ' ' : '');
    }
  }
  return found;
}

function endOf(code: string, sign: string, from: number): number {
  const end = code.indexOf(sign, from);
  return end < 0 ? code.length : end;
}
