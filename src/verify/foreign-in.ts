/** What a tracker holds that never was in event files, as far as its backend can tell. */
import type { Foreign, OwnRun } from '../contract/index.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import { StateFile } from '../state/index.ts';
import { DEFAULT_LINKS, type LinkRules, placeOf } from '../untrusted/index.ts';
import { storedArtifacts } from './verify-artifacts.ts';

/** What a lane holds that no mirror wrote. */
export interface ForeignFindings {
  readonly counts: Readonly<Record<Foreign['kind'], number>>;
  /** The first ones of each kind. */
  readonly examples: readonly Foreign[];
}

/** Where is looked. */
export interface ForeignOptions {
  readonly statePath: string;
  readonly linksOf?: LinkRules;
  readonly signal: AbortSignal;
}

const MOST_EXAMPLES = 5;

/**
 * Looks through all that a lane mirrored to, whichever roots are asked for: a tracker is switched off as a whole. Undefined: its
 * backend can't tell.
 */
export async function foreignIn(
  { name, target, backend }: TrackerLaneOptions,
  { statePath, linksOf = () => DEFAULT_LINKS, signal }: ForeignOptions,
): Promise<ForeignFindings | undefined> {
  if (backend.foreign === undefined) return undefined;
  const state = StateFile.openForReading(statePath);
  try {
    const lane = state.lane(name, target);
    const paths = new Map(state.roots().map((root) => [root.name, root.path]));
    const own: OwnRun[] = [];
    for (const [run, handle] of lane.handles()) {
      const path = paths.get(run.root) ?? '';
      const { files, params, hasAllParams } = await storedArtifacts(
        lane.side(run),
        placeOf({ path, links: linksOf(path) }, run.path),
        signal,
      );
      own.push({ handle, files: [...files.keys()], params: hasAllParams ? [...params.keys()] : undefined });
    }
    const all = await backend.foreign(own, signal);
    if (all === undefined) return undefined;
    const counts = { run: 0, param: 0, file: 0 };
    const examples: Foreign[] = [];
    for await (const found of all) {
      if (counts[found.kind]++ < MOST_EXAMPLES) examples.push(found);
    }
    return { counts, examples };
  } finally {
    state.close();
  }
}
