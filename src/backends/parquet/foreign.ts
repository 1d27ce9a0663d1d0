/** What mirrorboard did not write into the folder or bucket: files and params that others added to our runs. */
import { lookedThrough } from '../../backend-kit/index.ts';
import type { Foreign, ForeignLook, OwnRun } from '../../contract/index.ts';
import { idOf, pathsOf } from './names.ts';
import { readParams } from './params.ts';
import type { Place } from './place.ts';
import { readHandle } from './run-document.ts';

/** Lists files and params of our runs that are not ours. Every run of the layout is one of a mirror. */
export async function* foreignIn(place: Place, own: readonly OwnRun[], signal: AbortSignal): AsyncGenerator<ForeignLook, void, void> {
  for (const run of own) yield* lookedThrough(idOf(readHandle(run.handle)), inRun(place, run, signal));
}

async function* inRun(place: Place, { handle, files, params }: OwnRun, signal: AbortSignal): AsyncGenerator<Foreign, void, void> {
  const run = readHandle(handle);
  const { artifacts, params: path } = pathsOf(run);
  const ours = new Set(files);
  for (const file of await place.list(artifacts, signal)) {
    const name = file.path.slice(artifacts.length);
    if (!ours.has(name)) yield { kind: 'file', name, in: idOf(run) };
  }
  if (params === undefined) return;
  const known = new Set(params);
  for (const name of (await readParams(await place.get(path, signal), path)).keys()) {
    if (!known.has(name)) yield { kind: 'param', name, in: idOf(run) };
  }
}
