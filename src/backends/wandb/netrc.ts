import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../environment.ts';

/**
 * Returns the password for a host in `~/.netrc` (or the file that NETRC names); undefined if the file has none or
 * cannot be read.
 */
export function netrcPassword(host: string, env: Environment): { readonly password: string; readonly file: string } | undefined {
  const home = env['HOME'] ?? homedir();
  for (const file of env['NETRC'] !== undefined && env['NETRC'] !== '' ? [env['NETRC']] : [join(home, '.netrc'), join(home, '_netrc')]) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      continue;
    }
    const password = passwordIn(text, host);
    if (password !== undefined) return { password, file };
  }
  return undefined;
}

function passwordIn(text: string, host: string): string | undefined {
  const words = text.replace(/^[ \t]*#.*$/gm, '').match(/"[^"]*"|\S+/g) ?? [];
  let machine: string | undefined;
  let fallback: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    const next = words[at + 1]?.replace(/^"|"$/g, '');
    if (word === 'machine') machine = words[++at];
    else if (word === 'default') machine = '';
    else if (word === 'login' || word === 'account') at++;
    else if (word === 'password' && next !== undefined) {
      at++;
      if (machine === host) return next;
      if (machine === '') fallback ??= next;
    }
  }
  return fallback;
}
