import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { basename, join } from 'node:path';

/** A place in a file beside this one, as stacks name it. */
const PLACE = /file:\/\/[^\s()]*\/([^\s()/]+\.js):(\d+):(\d+)/g;

/**
 * Returns a stack with the places in the sources instead of those in the bundled code. Node could do the same, but it
 * reads the maps of all files that it loads, which takes a tenth of a start.
 */
export function inSources(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(PLACE, (place, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, mapOf(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return place;
    return `${origin.fileName.replace(/^(?:\.\.\/)+/, '')}:${origin.lineNumber}:${origin.columnNumber}`;
  });
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
