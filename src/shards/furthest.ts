import { MirrorError } from '../errors.ts';
import type { FileState } from '../model/index.ts';
import { TO_OPEN, type UnitDocument } from '../state/index.ts';

/** The positions in the files of some runs, and their tracker runs. */
export interface Extent {
  /** The generation and watermark, by lane, run and file. */
  readonly positions: ReadonlyMap<string, readonly [generation: number, watermark: number]>;
  /** The handles, by lane and run. */
  readonly handles: ReadonlyMap<string, string>;
}

/** Returns how much of a unit is mirrored, in all of its lanes. */
export function extentOfUnit({ lanes, runs }: UnitDocument): Extent {
  const laneAt = (place: number): string => JSON.stringify([lanes[place]?.name, lanes[place]?.target]);
  const positions = new Map<string, readonly [number, number]>();
  const handles = new Map<string, string>();
  for (const { run, files, handles: own } of runs) {
    for (const { name, generation, read_to: readTo, positions: lanePositions } of files) {
      positions.set(JSON.stringify(['', run, name]), [generation, readTo]);
      for (const { lane, ...at } of lanePositions) positions.set(JSON.stringify([laneAt(lane), run, name]), [at.generation, at.watermark]);
    }
    for (const { lane, handle } of own) if (handle !== TO_OPEN) handles.set(JSON.stringify([laneAt(lane), run]), handle);
  }
  return { positions, handles };
}

/** Returns the same for the files of one run, as a store knows them. */
export function extentOfFiles(lane: string, run: string, files: readonly Pick<FileState, 'name' | 'generation' | 'position'>[]): Extent {
  const positions = files.map(
    ({ name, generation, position }) => [JSON.stringify([lane, run, name]), [generation, position.watermark]] as const,
  );
  return { positions: new Map(positions), handles: new Map() };
}

/**
 * Returns the path of the state or store that knows the most of some runs. Throws MB3108 if two of them each know
 * something that the other does not.
 */
export function furthest(what: string, all: readonly { readonly path: string; readonly extent: Extent }[]): string {
  const best = all.find(({ extent }) => all.every((other) => covers(extent, other.extent)));
  if (best !== undefined) return best.path;
  const [root, path] = JSON.parse(what) as [string, string];
  throw new MirrorError(
    'MB3108',
    `${all.map((one) => one.path).join(' and ')} both know ${root}/${path}, and neither is ahead of the other`,
    {
      hint: 'Leave out the folder whose tracker runs you do not want to continue.',
      context: { run: path, root },
    },
  );
}

function covers(one: Extent, other: Extent): boolean {
  for (const [key, [generation, watermark]] of other.positions) {
    const own = one.positions.get(key);
    if (own === undefined || own[0] < generation || (own[0] === generation && own[1] < watermark)) return false;
  }
  for (const [key, handle] of other.handles) if (one.handles.get(key) !== handle) return false;
  return true;
}
