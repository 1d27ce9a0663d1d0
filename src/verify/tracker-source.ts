/** What `verify` reads of a lane: a tracker with its part of the state, or the local store. */

import type { StoreReader } from '../backends/local/index.ts';
import { systemClock } from '../clock.ts';
import type {
  Backend,
  Capabilities,
  Handle,
  HeldPoint,
  KnownRoot,
  ReadBackChunk,
  ReadBackOptions,
  ReadBackPoint,
  Refusal,
} from '../contract/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { LaneNames, type TrackerLaneOptions } from '../lanes/index.ts';
import type { FileState, RunRef, Series } from '../model/index.ts';
import type { LeftOut } from '../route/index.ts';
import type { LaneReader } from '../state/index.ts';
import { AnswerWatch } from '../sync/delivery/index.ts';
import { heldBy } from './compare/index.ts';
import type { Beside } from './verify-artifacts.ts';
import type { Asked } from './verify-log.ts';
import { type Mirrored, mirroredIn } from './verify-scope.ts';

/** A range of bytes of a file, of one generation. */
export interface ByteRange {
  readonly generation: number;
  readonly start: number;
  readonly end: number;
}

/** A lane as one side of a comparison. */
export interface LaneSource extends Mirrored, Asked {
  readonly lane: string;
  /** Where it leads, without secrets. */
  readonly where: string;
  /** Equal points may be one there. */
  readonly mergesEqual: boolean;
  /** The same point sent again is no second one. */
  readonly canSendAgain: boolean;
  /** The files that something was mirrored of, as far as it is noted. */
  files(run: RunRef): readonly FileState[];
  catalogue(run: RunRef): readonly Series[];
  /** About how many points it holds. */
  points(run: RunRef): number;
  /** Whether it is to have a run at all. */
  isMeant(run: RunRef): boolean;
  /** What of a series it is not to have. */
  leftOf(run: RunRef, tag: string): LeftOut | undefined;
  /** Others add points to the same tracker run: too many there are no difference. */
  isShared(run: RunRef): boolean;
  asHeld(run: RunRef, tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  hasRefusals(run: RunRef): boolean;
  refusals(run: RunRef, file: string, range: ByteRange): readonly Refusal[];
  /** The tracker run that a run goes into, with what was stored beside its points; undefined where there is nothing. */
  beside(run: RunRef): Beside | undefined;
  /** Asks its tracker whether it answers at all. Throws what is wrong. Missing: there is none to ask. */
  probe?(signal: AbortSignal): Promise<void>;
  /** Under the tags that the files have. Throws what is wrong; an error of code MB4006 is about this run alone. */
  readBack(run: RunRef, options: ReadBackOptions): AsyncIterable<ReadBackChunk>;
}

/** The state, being written or only looked at. */
export interface StateView {
  roots(): readonly KnownRoot[];
  lane(name: string, target: string): LaneReader;
}

/** A tracker's lane. `statePath` is for messages. */
export function trackerSource(
  { name, target, backend }: TrackerLaneOptions,
  state: StateView,
  statePath: string,
  clock = systemClock,
): LaneSource {
  const lane = state.lane(name, target);
  const { keeps, replacesByKey, readBack } = backend.describe();
  // What a backend can hold it knows for sure once its tracker has answered.
  let capabilities: Capabilities | undefined;
  const names = new LaneNames(lane);
  const isRead = ({ position, damage }: FileState): boolean =>
    position.watermark > 0 || damage.some(({ reason }) => reason === 'unreadable');
  let runs: RunRef[] | undefined;
  const answers = new AnswerWatch(clock, { fellSilent: () => undefined, heardAgain: () => undefined });
  return {
    lane: name,
    silentSinceMs: () => answers.silentSinceMs,
    where: target,
    words: `the state ${statePath}`,
    mergesEqual: !keeps.equalPoints,
    canSendAgain: replacesByKey || !keeps.equalPoints,
    roots: () => state.roots(),
    *runs(root) {
      if (runs === undefined) {
        runs = [];
        for (const [run, { files, points }] of lane.knownRuns()) if (points > 0 || files.some(isRead)) runs.push(run);
      }
      for (const run of runs) if (run.root === root && !names.isOut(run)) yield run;
    },
    positions: (run) => lane.known(run),
    files: (run) => lane.known(run).files.filter(isRead),
    catalogue: (run) => lane.catalogue(run),
    points: (run) => lane.known(run).points,
    isMeant: (run) => !names.isOut(run),
    leftOf: (run, tag) => names.leftOf(run, tag),
    isShared: (run) => lane.opened(names.targetOf(run))?.joins !== undefined,
    asHeld(run, tag, plugin, point) {
      if (backend.asHeld === undefined) return point;
      capabilities ??= backend.describe();
      return heldBy(backend, capabilities, { tag: names.nameOf(run, tag, plugin), plugin }, point);
    },
    hasRefusals: (run) => lane.hasRefusals(run),
    refusals: (run, file, range) => lane.refusals(run, file, range),
    beside(run) {
      const target = names.targetOf(run);
      const handle = lane.handle(target);
      const states = handle === undefined ? [] : lane.side(target);
      const compareArtifacts = backend.compareArtifacts?.bind(backend);
      if (handle === undefined || states.length === 0) return undefined;
      if (compareArtifacts === undefined) return { target, handle, states };
      return { target, handle, states, compare: (run, wanted, signal) => answers.ask(() => compareArtifacts(run, wanted, signal)) };
    },
    async probe(signal) {
      await answers.ask(() => backend.probe(signal));
    },
    async *readBack(run, options) {
      if (readBack !== 'full') throw new MirrorError('MB4004', 'this tracker does not return its points');
      const target = names.targetOf(run);
      const handle = lane.handle(target);
      if (handle !== undefined) {
        const isAsked = options.isWanted ?? (() => true);
        const tags = (): string[] => lane.catalogue(run).map(({ tag, plugin }) => names.nameOf(run, tag, plugin));
        const read = (isWanted: (name: string) => boolean) => readAll(backend, handle, answers, { ...options, isWanted, tags });
        for await (const chunk of ofRun(run, names, read, isAsked)) {
          capabilities = undefined;
          yield chunk;
        }
        capabilities = undefined;
      } else if (lane.known(run).points > 0) {
        throw new MirrorError('MB4006', 'the state has no tracker run for it');
      }
    },
  };
}

/** What goes wrong in a backend is about its tracker, whatever it throws. */
async function* readAll(
  backend: Backend,
  handle: Handle,
  answers: AnswerWatch,
  options: ReadBackOptions,
): AsyncGenerator<ReadBackChunk, void, void> {
  const chunks = backend.readBack(handle, options)[Symbol.asyncIterator]();
  try {
    for (let next = await answers.ask(() => chunks.next()); next.done !== true; next = await answers.ask(() => chunks.next()))
      yield next.value;
  } catch (cause) {
    if (systemCode(cause)?.startsWith('MB') === true || options.signal?.aborted === true) throw cause;
    throw new MirrorError('MB4005', `reading back: ${messageOf(cause)}`, { cause });
  } finally {
    // A caller that wants no more of it drops it.
    await chunks.return?.();
  }
}

/** What a tracker run holds of one of the runs that go into it, under its own tags and files. */
async function* ofRun(
  run: RunRef,
  names: LaneNames,
  read: (isWanted: (name: string) => boolean) => AsyncIterable<ReadBackChunk>,
  isWanted: (tag: string) => boolean,
): AsyncGenerator<ReadBackChunk, void, void> {
  const target = names.targetOf(run);
  const isOwn = (found: RunRef): boolean => found.root === run.root && found.path === run.path;
  const isWantedName = (name: string): boolean => {
    const source = names.sourceOf(target, name);
    return isOwn(source.run) && isWanted(source.tag);
  };
  for await (const chunk of read(isWantedName)) {
    const source = names.sourceOf(target, chunk.tag);
    if (!isOwn(source.run)) continue;
    const isFolded = target.path !== run.path;
    const points = isFolded ? chunk.points.map((point) => withOwnFile(point, run, names)) : chunk.points;
    yield { ...chunk, tag: source.tag, points };
  }
}

/** A file of another run says nothing here. */
function withOwnFile(point: ReadBackPoint, run: RunRef, names: LaneNames): ReadBackPoint {
  if (point.file === undefined) return point;
  const { file, offset: _, index: __, ...content } = point;
  const own = names.ownFile(run, file);
  return own === undefined ? content : { ...point, file: own };
}

/** Points of the store handed over at a time. */
const CHUNK_POINTS = 10_000;

/** The local store, to be compared with a tracker. */
export function localSource(reader: StoreReader, storePath: string): LaneSource {
  return {
    ...mirroredIn(reader, storePath),
    lane: 'local',
    where: storePath,
    mergesEqual: false,
    canSendAgain: true,
    files: (run) => reader.positions(run).files,
    catalogue: (run) => reader.catalogue(run),
    points: (run) => reader.positions(run).points,
    isMeant: () => true,
    leftOf: () => undefined,
    isShared: () => false,
    asHeld: (_run, _tag, _plugin, point) => point,
    hasRefusals: () => false,
    refusals: () => [],
    beside: () => undefined,
    async *readBack(run, { isWanted = () => true }) {
      for (const { row, tag, plugin } of reader.catalogue(run)) {
        if (!isWanted(tag)) continue;
        for (const points of inChunks(reader.points(row))) yield { tag, plugin, points };
      }
    },
  };
}

/** Cuts points into chunks. */
export function* inChunks(points: Iterable<ReadBackPoint>): Generator<ReadBackPoint[], void, void> {
  let chunk: ReadBackPoint[] = [];
  for (const point of points) {
    if (chunk.push(point) < CHUNK_POINTS) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
