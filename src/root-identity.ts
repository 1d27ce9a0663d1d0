/** Whether a root is the one that is held under its name: joins what the backend knows with what the files say. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PositionOwner } from './backends/contract.ts';
import type { ResolvedRoot } from './discover/index.ts';
import { MirrorError } from './errors.ts';
import { compareFile } from './tail/index.ts';

/** Files looked at to tell whether a root of a known name is the same one, mounted elsewhere. */
const FILES_COMPARED = 64;

/**
 * Two people's `runs/` must not meet: a root whose name is taken, but whose path is another one, has to hold at least one
 * file that is known, unless somebody named it on purpose. Throws MB2007.
 */
export function checkIdentity(root: ResolvedRoot, backend: PositionOwner): void {
  const known = backend.roots().find(({ name }) => name === root.name);
  if (known === undefined || known.path === root.path || root.isNamed) return;
  let compared = 0;
  for (const file of backend.knownFiles(root.name)) {
    const path = join(root.path, file.run, file.name);
    if (!existsSync(path)) continue;
    const state = backend.positions({ root: root.name, path: file.run }).files.find(({ name }) => name === file.name);
    if (state?.guard.first !== undefined && compareFile(path, state) === 'same') return;
    if (++compared >= FILES_COMPARED) break;
  }
  throw new MirrorError('MB2007', `the store holds ${known.path} as ${root.name}; ${root.path} has none of its files`, {
    hint: `Name this one: ${root.name}-2=${root.path}; or, if it is the same root moved: ${root.name}=${root.path}`,
    context: { path: root.path, name: root.name },
  });
}
