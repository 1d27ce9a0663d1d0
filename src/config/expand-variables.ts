import type { Environment } from '../environment.ts';

/** A text with its variables filled in, or the reason that it cannot be expanded. */
type Expansion =
  | { readonly kind: 'expanded'; readonly text: string }
  | { readonly kind: 'unset'; readonly variable: string }
  /** A `${` that begins no reference, with the text from there on. */
  | { readonly kind: 'malformed'; readonly at: string };

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/y;

/**
 * Replaces variables as a shell does: `${VAR}` is its value, even if it is empty; `${VAR:-default}` is the default if
 * the variable is unset or empty. `$${` is a literal `${`; any other `$` means itself. The result is not expanded
 * again, and a default contains no `${`.
 */
export function expandVariables(text: string, env: Environment): Expansion {
  let result = '';
  let from = 0;
  for (;;) {
    const at = text.indexOf('${', from);
    if (at === -1) return { kind: 'expanded', text: result + text.slice(from) };
    if (at > from && text[at - 1] === '$') {
      result += `${text.slice(from, at - 1)}\${`;
      from = at + 2;
      continue;
    }
    REFERENCE.lastIndex = at;
    const match = REFERENCE.exec(text);
    const [reference, variable, otherwise] = match ?? [];
    if (reference === undefined || variable === undefined || otherwise?.includes('${')) return { kind: 'malformed', at: text.slice(at) };
    const value = env[variable];
    if (value === undefined && otherwise === undefined) return { kind: 'unset', variable };
    result += text.slice(from, at) + (otherwise !== undefined && (value === undefined || value === '') ? otherwise : (value ?? ''));
    from = at + reference.length;
  }
}

/** Returns the names of all variables that a text refers to. */
export function referredVariables(text: string): string[] {
  return [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/** True if a text is one reference and nothing else, without a default (or with an empty one). */
export function isOneReference(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*(:-)?\}$/.test(text);
}
