import { MirrorError } from '../errors.ts';
import type { Root } from './config.ts';

/**
 * Reads a root argument: `PATH` or `NAME=PATH`. An existing path is a path, whatever it contains (`lr=0.1` is a
 * common name of a run). A text with `/` before its first `=` is one too, because no name has `/`.
 */
export function parseRoot(text: string, exists: (path: string) => boolean): Root {
  if (text === '') throw new MirrorError('MB1001', 'found an empty log directory argument', { hint: 'Give a path, or NAME=PATH.' });
  const equals = text.indexOf('=');
  if (equals === -1 || exists(text)) return { path: text };
  const name = text.slice(0, equals);
  const path = text.slice(equals + 1);
  if (name.includes('/')) return { path: text };
  if (path === '' || !isRootName(name)) {
    const found = path === '' ? 'no path after =' : `${JSON.stringify(name)} as the name`;
    throw new MirrorError('MB1001', `reading the log directory ${JSON.stringify(text)}: found ${found}, expected NAME=PATH`, {
      hint:
        'A name is any text without / except for the empty text, . and ..; for a directory whose name begins with ' +
        '=, write ./ before it.',
      context: { root: text },
    });
  }
  return { name, path };
}

/** True if a root can have this name: labels of runs are `name/path`, and must have only one meaning. */
export function isRootName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
  return name !== '' && name !== '.' && name !== '..' && !/[/\u0000-\u001f\u007f]/.test(name);
}
