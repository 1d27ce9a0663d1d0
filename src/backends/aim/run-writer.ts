/** Writes everything of one Aim run, for the life of one connection. */

import { eachScalar } from '../../backend-kit/index.ts';
import { Job, sendParcels } from '../../backend-kit/sending/index.ts';
import type { BackendContext, Outcome, TrackerParcel } from '../../contract/index.ts';
import type { Batch, Series } from '../../model/index.ts';
import { outcomeOf } from './answers.ts';
import type { PositionedScalar } from './cells.ts';
import type { AimClient } from './client.ts';
import { Frames } from './frames.ts';
import type { AimRun } from './handle.ts';
import { StepHashes } from './hash.ts';
import { VALUE_BYTES } from './limits.ts';
import type { LoadedPoints } from './loaded-points.ts';
import { type AimObject, mapObject } from './map.ts';
import { ObjectSequence, type PositionedObject } from './object-sequence.ts';
import type { OpenAimRun } from './open-run.ts';
import { ScalarSequence } from './scalar-sequence.ts';
import {
  FAMILY_FIELD,
  PLUGIN_FIELD,
  readTraces,
  type SequenceId,
  Sequences,
  type SeriesName,
  sequenceKey,
  TAG_FIELD,
  type Trace,
} from './sequences.ts';
import { pointId } from './shown-position.ts';
import { childOf, type Key, type Tree } from './tree.ts';

/** Names that are written at a time. */
const NAMES = 64;

/** The hashes of steps, shared because many tags and runs have the same steps. */
const hashes = new StepHashes();

/** The known state of the run's sequences. */
interface Memory {
  readonly sequences: Sequences;
  readonly traces: ReadonlyMap<string, Trace>;
  readonly scalars: Map<string, ScalarSequence>;
  readonly objects: Map<string, ObjectSequence>;
  /** Sequences in the run's metadata, with their types. */
  readonly published: Map<string, string>;
  readonly contexts: Set<string>;
}

function memoryOf(traces: readonly Trace[]): Memory {
  const ours = traces.filter(({ series }) => series !== undefined);
  return {
    sequences: new Sequences(traces),
    traces: new Map(traces.map((trace) => [sequenceKey(trace), trace])),
    scalars: new Map(),
    objects: new Map(),
    published: new Map(ours.map((trace) => [sequenceKey(trace), trace.dtype])),
    contexts: new Set(),
  };
}

/** Writes parcels, params and the end of one run. */
export class AimRunWriter {
  readonly #client: AimClient;
  readonly #run: AimRun;
  readonly #open: OpenAimRun;
  readonly #loaded: LoadedPoints;
  readonly #warn: BackendContext['warn'];
  #memory: Memory;
  /** Sequences that the current send writes to. */
  readonly #used = new Set<ScalarSequence>();
  #isWarnedCollapsed = false;
  /** True if a send failed: the memory may be ahead of the server. */
  #isAhead = false;

  /** Creates the writer of a run. `loaded` bounds what the sequences of all runs hold in memory. */
  constructor(client: AimClient, run: AimRun, open: OpenAimRun, loaded: LoadedPoints, warn: BackendContext['warn']) {
    this.#client = client;
    this.#run = run;
    this.#open = open;
    this.#loaded = loaded;
    this.#warn = warn;
    this.#memory = memoryOf(open.traces);
  }

  /** Returns one outcome per parcel, in their order; after a failure it sends nothing more. */
  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#isAhead) await this.#startOver(signal);
    const outcomes = await sendParcels(parcels, {
      begin: async (parcel) => {
        const job = new Job(parcel, undefined);
        const frames = new Frames(this.#client, `writing to the Aim run ${this.#run.hash}`, signal);
        await this.#storeScalars(parcel, frames, signal);
        await this.#storeObjects(job, frames, signal);
        await this.#storeMarks(parcel, frames);
        await frames.flush();
        return job;
      },
      outcomeOf: (thrown) => outcomeOf(thrown, signal),
    });
    for (const sequence of this.#used) this.#loaded.free(sequence);
    this.#used.clear();
    this.#isAhead = outcomes.some(({ kind }) => kind !== 'accepted');
    return outcomes;
  }

  /** Forgets everything, and reads the state from the server. */
  async #startOver(signal: AbortSignal): Promise<void> {
    await this.#client.idle(signal);
    const held = await this.#client.branch(this.#open.meta, ['meta', 'chunks', this.#run.hash], signal);
    this.#memory = memoryOf(readTraces(childOf(held, 'traces'), childOf(held, 'contexts')));
  }

  async #storeScalars({ batch, series, file, target }: TrackerParcel, frames: Frames, signal: AbortSignal): Promise<void> {
    const groups = scalarsBySeries(batch, file)
      .entries()
      .map(([number, points]) => {
        const known = series[number];
        if (known === undefined) throw new RangeError(`a parcel has no series ${number}`);
        const name: SeriesName = { tag: known.tag, plugin: known.plugin, family: 'scalar' };
        const id = this.#memory.sequences.of(name, this.#run.context, batch.run, target);
        return { name, id, key: sequenceKey(id), points };
      });
    const all = [...groups];
    await this.#announce(
      all.filter(({ key }) => !this.#memory.published.has(key)).map(({ id }) => id),
      'float',
      'metric',
      frames,
    );
    for (const { name, id, key, points } of all) {
      let sequence = this.#memory.scalars.get(key);
      if (sequence === undefined) {
        sequence = new ScalarSequence(id, this.#run.hash, this.#memory.traces.get(key)?.fields, hashes);
        this.#memory.scalars.set(key, sequence);
      }
      this.#loaded.use(sequence);
      this.#used.add(sequence);
      const collapsed = sequence.collapsed;
      await sequence.begin(frames, this.#open.seqs);
      // The name is written before the points: without a name they would not be found again. After a crash in
      // between, the points are sent again, and looked up.
      const before = sequence.fieldsBefore(points, this.#memory.published.has(key));
      if (before !== undefined) await this.#writeTrace(id, name, 'float', 2n, before.fields, frames);
      this.#memory.published.set(key, 'float');
      const bytes = { file, start: batch.start, end: batch.end };
      await sequence.write(points, bytes, this.#client, frames, this.#open.seqs, this.#loaded.room, signal);
      this.#loaded.use(sequence);
      if (before?.isFinal !== true) await this.#writeTrace(id, name, 'float', 2n, sequence.traceFields(), frames);
      this.#noteCollapsed(collapsed, sequence.collapsed);
    }
  }

  async #storeObjects(job: Job, frames: Frames, signal: AbortSignal): Promise<void> {
    const { batch, series, file, target } = job.parcel;
    const groups = new Map<string, { readonly name: SeriesName; readonly points: PositionedObject[] }>();
    for (const point of batch.objects) {
      const known = series[point.series] as Series;
      const mapped = mapObject(known.plugin, point);
      if (mapped.bytes > VALUE_BYTES) {
        const reason = `the value has ${mapped.bytes} bytes, and at most ${VALUE_BYTES} go to Aim in one message`;
        job.refuse(point, reason, 'unsupported');
        continue;
      }
      const name: SeriesName = { tag: known.tag, plugin: known.plugin, family: mapped.family };
      const key = JSON.stringify([name.tag, name.plugin, name.family]);
      const group = groups.get(key) ?? { name, points: [] };
      groups.set(key, group);
      const { offset, index, checksum, step, wallTime } = point;
      const id = pointId(batch.run, file, offset, checksum, index);
      group.points.push({ step, wallTime, position: { file, offset, index }, id, mapped });
    }
    for (const { name, points } of groups.values()) {
      const id = this.#memory.sequences.of(name, this.#run.context, batch.run, target);
      const key = sequenceKey(id);
      let sequence = this.#memory.objects.get(key);
      if (sequence === undefined) {
        sequence = new ObjectSequence(id, name.family, this.#run.hash, this.#memory.traces.get(key)?.fields);
        this.#memory.objects.set(key, sequence);
      }
      const before = sequence.collapsed;
      if (!this.#memory.published.has(key)) await this.#publish(id, name, sequence.dtype, typeOf(name), 1n, sequence.traceFields(), frames);
      await sequence.write(points, this.#client, frames, this.#open.seqs, signal);
      if (this.#memory.published.get(key) !== sequence.dtype) {
        await this.#publish(id, name, sequence.dtype, typeOf(name), 1n, sequence.traceFields(), frames);
      }
      await this.#writeTrace(id, name, sequence.dtype, 1n, sequence.traceFields(), frames);
      this.#noteCollapsed(before, sequence.collapsed);
      for (const { mapped } of points) await this.#storeParams(mapped, frames);
    }
  }

  /** Stores hyperparameters where Aim looks for them, in addition to the point. */
  async #storeParams({ params, paramsMeta }: AimObject, frames: Frames): Promise<void> {
    if (this.#run.isJoined) return;
    for (const path of this.#open.attrPaths) {
      if (params.length > 0) await frames.update(this.#open.meta, [...path, 'hparams'], params);
      if (paramsMeta !== undefined) await frames.update(this.#open.meta, path, [['hparams_meta', paramsMeta]]);
    }
  }

  /** Stores events without a value. They are not points, but mirrorboard keeps them. */
  async #storeMarks({ batch, file }: TrackerParcel, frames: Frames): Promise<void> {
    const marks = batch.marks.map(({ kind, step, wallTime, offset, checksum, payload }): readonly [Key, Tree] => [
      pointId(batch.run, file, offset, checksum, 0),
      { kind, step: BigInt(step), time: wallTime, file, offset: BigInt(offset), payload },
    ]);
    await frames.update(this.#open.seqs, ['seqs', 'mirrorboard', this.#run.hash, 'marks'], marks);
  }

  /** Writes the existence and the type of a sequence into the run. */
  async #publish(
    id: SequenceId,
    name: SeriesName,
    dtype: string,
    type: string,
    version: bigint,
    fields: readonly (readonly [Key, Tree])[],
    frames: Frames,
  ): Promise<void> {
    await this.#announce([id], dtype, type, frames);
    await this.#writeTrace(id, name, dtype, version, fields, frames);
    this.#memory.published.set(sequenceKey(id), dtype);
  }

  /**
   * Adds sequences to the lists of names by kind. This happens before the sequences themselves are named, so that a
   * named sequence is always in the lists.
   */
  async #announce(ids: readonly SequenceId[], dtype: string, type: string, frames: Frames): Promise<void> {
    const { meta } = this.#open;
    const { hash } = this.#run;
    for (const [contextId, group] of Map.groupBy(ids, (id) => id.contextId)) {
      if (!this.#memory.contexts.has(String(contextId))) {
        const context = group[0]?.context ?? {};
        for (const path of [
          ['meta', 'contexts'],
          ['meta', 'chunks', hash, 'contexts'],
        ]) {
          await frames.update(meta, path, [[contextId, context]]);
        }
        this.#memory.contexts.add(String(contextId));
      }
      for (let at = 0; at < group.length; at += NAMES) {
        const names = group.slice(at, at + NAMES).map(({ name }) => [name, 1n] as const);
        await frames.update(meta, ['meta', 'traces_types', dtype, contextId], names);
        await frames.update(meta, ['meta', 'chunks', hash, 'typed_traces', type, contextId], names);
      }
    }
  }

  /** Writes all fields of a sequence at once: one field takes the server as long as all of them. */
  async #writeTrace(
    { contextId, name }: SequenceId,
    { tag, plugin, family }: SeriesName,
    dtype: string,
    version: bigint,
    fields: readonly (readonly [Key, Tree])[],
    frames: Frames,
  ): Promise<void> {
    const trace = new Map<Key, Tree>([
      ['dtype', dtype],
      ['version', version],
      [TAG_FIELD, tag],
      [PLUGIN_FIELD, plugin],
      [FAMILY_FIELD, family],
      ...fields,
    ]);
    await frames.update(this.#open.meta, ['meta', 'chunks', this.#run.hash, 'traces', contextId], [[name, trace]]);
  }

  #noteCollapsed(before: number, after: number): void {
    if (after <= before || this.#isWarnedCollapsed) return;
    this.#isWarnedCollapsed = true;
    const what = 'several points at one step: Aim shows the last one; the others are stored exactly in the same sequence';
    this.#warn(what, { run: this.#run.hash });
  }
}

function typeOf({ family }: SeriesName): string {
  switch (family) {
    case 'distribution':
      return 'distributions';
    case 'image':
      return 'images';
    case 'audio':
      return 'audios';
    default:
      return 'texts';
  }
}

/** Returns the rows of a batch by series, in the order of the file. */
function scalarsBySeries(batch: Batch, file: string): Map<number, PositionedScalar[]> {
  const found = new Map<number, PositionedScalar[]>();
  eachScalar(batch, (series, step, wallTime, value, offset, _, index) => {
    const points = found.get(series) ?? [];
    if (points.length === 0) found.set(series, points);
    points.push({ step, wallTime, value, position: { file, offset, index } });
  });
  return found;
}
