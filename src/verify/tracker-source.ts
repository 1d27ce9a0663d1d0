/** A tracker as a lane: the points that it gives back, and what the state says about it. */

import { systemClock } from '../clock.ts';
import type { Backend, Capabilities, Handle, KnownRoot, ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../contract/index.ts';
import { AnswerWatch } from '../delivery/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { LaneNames, type TrackerLaneOptions } from '../lanes/index.ts';
import { type FileState, keyOfRun, type RunRef } from '../model/index.ts';
import type { LaneReader } from '../state/index.ts';
import { directoryOf } from '../untrusted/index.ts';
import { heldBy, NO_MEDIA } from './compare/index.ts';
import type { ExtraScope, Extras, LaneSource } from './lane-source.ts';
import { checkArtifacts, type RunArtifacts } from './verify-artifacts.ts';

/**
 * Errors of a tracker that leave the other runs comparable, whatever the tracker says about itself: one of its
 * answers was unusable.
 */
const ABOUT_RUN: ReadonlySet<string> = new Set(['MB4006', 'MB4030', 'MB4031']);

/** The state, opened for writing or only for reading. */
export interface StateView {
  roots(): readonly KnownRoot[];
  lane(name: string, target: string): LaneReader;
}

/** A tracker as a side of a comparison. */
export interface TrackerSource extends LaneSource {
  /** True if sending a point again does not create a second one. */
  readonly canSendAgain: boolean;
}

/** Returns a tracker's lane as a source. `statePath` is for messages. */
export function trackerSource(
  { name, target, backend }: TrackerLaneOptions,
  state: StateView,
  statePath: string,
  clock = systemClock,
): TrackerSource {
  const lane = state.lane(name, target);
  const { keeps, replacesByKey, readBack } = backend.describe();
  // A backend knows for sure what it can hold only after its tracker has answered.
  let capabilities: Capabilities | undefined;
  const names = new LaneNames(lane);
  const isRead = ({ position, damage }: FileState): boolean =>
    position.watermark > 0 || damage.some(({ reason }) => reason === 'unreadable');
  let runs: RunRef[] | undefined;
  const answers = new AnswerWatch(clock, { fellSilent: () => undefined, answersAgain: () => undefined });
  /**
   * Tracker runs whose params and files were compared: each is compared only once, with the first run that goes into
   * it.
   */
  const compared = new Set<string>();
  return {
    lane: name,
    label: name,
    isExact: false,
    isSnapshot: false,
    replacesFiles: false,
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
    extras({ candidate, signal }) {
      const target = names.targetOf(candidate.run);
      const handle = lane.handle(target);
      const states = handle === undefined ? [] : lane.artifacts(target);
      if (handle === undefined || states.length === 0 || compared.has(keyOfRun(target))) return undefined;
      const compareArtifacts = backend.compareArtifacts?.bind(backend);
      const compare: RunArtifacts['compare'] =
        compareArtifacts === undefined ? undefined : (run, wanted, ended) => answers.ask(() => compareArtifacts(run, wanted, ended));
      const stored = { target, handle, states, ...(compare === undefined ? {} : { compare }) };
      return trackerExtras(stored, candidate, compared, signal);
    },
    async blame(error, signal) {
      // A backend from another package has an error class of its own.
      const code = systemCode(error) ?? '';
      if (!code.startsWith('MB4')) return undefined;
      if (ABOUT_RUN.has(code)) return 'run';
      try {
        await answers.ask(() => backend.probe(signal));
        return 'run';
      } catch {
        // The reason why the run could not be read is reported; the probe only tells whether the lane or the run is
        // at fault.
        return 'lane';
      }
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

/** Returns the comparison of params and files. Adds the tracker run that they belong to to `compared`. */
function trackerExtras(stored: RunArtifacts, { directory }: ExtraScope['candidate'], compared: Set<string>, signal: AbortSignal): Extras {
  return {
    async compare() {
      const { target } = stored;
      compared.add(keyOfRun(target));
      // A folded run is below its target.
      const below = directoryOf({ path: directory.root, links: directory.links }, target.path);
      const { counts, differences, again } = await checkArtifacts(stored, below, signal);
      return { listing: 0, media: NO_MEDIA, artifacts: counts, differences, again: { target, artifacts: again } };
    },
  };
}

/** Reads all points. Any error in a backend is about its tracker, whatever it throws. */
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
    // A caller that needs no more drops the iterator.
    await chunks.return?.();
  }
}

/** Yields what a tracker run holds of one of the runs that go into it, under that run's own tags and files. */
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

/**
 * Gives a point the run's own file name. Removes the position if the file is that of another run, because it tells
 * nothing here.
 */
function withOwnFile(point: ReadBackPoint, run: RunRef, names: LaneNames): ReadBackPoint {
  if (point.file === undefined) return point;
  const { file, offset: _, index: __, ...content } = point;
  const own = names.ownFile(run, file);
  return own === undefined ? content : { ...point, file: own };
}
