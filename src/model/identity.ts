/** The names that identify roots, runs and files: the same after every restart, on every machine. */

/** A run: the root's name, and the directory relative to the root, with `/`; `.` is the root itself. */
export interface RunRef {
  readonly root: string;
  readonly path: string;
}

/** Compares names by their UTF-8 bytes: the order in which the files of a run are read and exported. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // UTF-16 order differs from byte order only for surrogates, which represent the highest code points.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Returns a run as text, for use as a key. */
export function keyOfRun({ root, path }: RunRef): string {
  return JSON.stringify([root, path]);
}

/** Returns a file of a run as text, for use as a key. */
export function keyOfFile({ root, path }: RunRef, name: string): string {
  return JSON.stringify([root, path, name]);
}

/** Returns a text that names a run in messages and logs. */
export function runLabel(run: RunRef): string {
  return run.path === '.' ? run.root : `${run.root}/${run.path}`;
}

/** Returns the path of a run's file relative to the root, with `/`. */
export function filePathOf(run: string, name: string): string {
  return run === '.' ? name : `${run}/${name}`;
}
