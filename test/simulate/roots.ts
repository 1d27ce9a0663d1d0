// The directories that the service watches.
import { TOP } from './virtual-files.ts';

/** One of them. */
export interface SimulatedRoot {
  readonly name: string;
  readonly path: string;
}

/** All there are; a history has the first ones. Only the first may lose its file system. */
export const ROOTS: readonly [SimulatedRoot, SimulatedRoot] = [
  { name: 'logs', path: `${TOP}/logs` },
  { name: 'more', path: `${TOP}/more` },
];

/** A path as it is told. */
export function shown(path: string): string {
  return path.slice(TOP.length + 1);
}

/** The path of a file of a run. */
export function pathOf(root: string, run: string, file: string): string {
  const { path } = ROOTS.find(({ name }) => name === root)!;
  return run === '.' ? `${path}/${file}` : `${path}/${run}/${file}`;
}
