import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { basename, join } from 'node:path';

/** The words of a stack; a place is one. */
const WORD = /[^\s()]+/g;

/**
 * Returns a stack with the places in the sources instead of those in the bundled code. Node could do the same, but it
 * reads the maps of all files that it loads, which takes a tenth of a start.
 */
export function inSources(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(WORD, (word) => {
    const { file, line, column } = placeIn(word) ?? {};
    if (file === undefined) return word;
    if (!maps.has(file)) maps.set(file, mapOf(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return word;
    return `${origin.fileName.replace(/^(?:\.\.\/)+/, '')}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** Returns the parts of a place in a file beside this one: `file:///…/main.js:7:12`. */
function placeIn(word: string): { readonly file: string; readonly line: string; readonly column: string } | undefined {
  if (!word.startsWith('file://')) return undefined;
  const [path, line, column] = word.slice('file://'.length).split(':');
  return path?.endsWith('.js') === true && line !== undefined && column !== undefined ? { file: basename(path), line, column } : undefined;
}

/** Shows the places in the sources when an error ends the process that nobody caught. */
export function showSourcesOfCrashes(): void {
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (error instanceof Error && error.stack !== undefined) error.stack = inSources(error.stack);
  });
}

/** Returns the map of a bundled file; undefined for code that is not bundled, and for files of others. */
function mapOf(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(join(import.meta.dirname, `${basename(file)}.map`), 'utf8')));
  } catch {
    return undefined; // The place in the bundled code says enough to find it.
  }
}
