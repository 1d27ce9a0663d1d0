// File systems of a chosen size or kind, where the tests may mount them.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Mounts a tmpfs; throws where that is not allowed. */
export function mountMemory(directory: string, options: string): void {
  mkdirSync(directory, { recursive: true });
  mount(['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
}

export function remount(directory: string, options: string): void {
  mount(['-o', `remount,${options}`, directory]);
}

export function unmount(directory: string): void {
  spawnSync('umount', [directory]);
}

/** Why nothing can be mounted here; undefined where it can. */
export function whyNoMounts(): string | undefined {
  const directory = temporaryFolder();
  try {
    mountMemory(directory, 'size=64k');
    unmount(directory);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function mount(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
