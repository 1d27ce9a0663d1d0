// Backends that say one thing and do another, for the code that must detect it.
import type { Handle, HeldPoint, Outcome, ReadBackChunk, ReadBackOptions, TrackerParcel } from '../../src/contract/index.ts';
import { MemoryBackend, type MemoryTracker } from './memory-backend.ts';

/** Gives back something else than it was given, and says of it that this is how it holds points. */
class LyingBackend extends MemoryBackend {
  readonly #lie: (point: HeldPoint) => HeldPoint | undefined;

  constructor(tracker: MemoryTracker, lie: (point: HeldPoint) => HeldPoint | undefined) {
    super(tracker);
    this.#lie = lie;
  }

  override asHeld(_tag: string, _plugin: string, { step, wallTime, value }: HeldPoint): HeldPoint | undefined {
    return this.#lie({ step, wallTime, value });
  }

  override async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    // Also where it has no place for points: it says that it took them.
    const outcomes = await super.send(parcels, signal);
    return outcomes.map((outcome, i) =>
      outcome.kind === 'accepted'
        ? { kind: 'accepted', points: (parcels[i]?.batch.scalars.count ?? 0) + (parcels[i]?.batch.objects.length ?? 0), refusals: [] }
        : outcome,
    );
  }
}

/** Gives every point back twice. */
class DoublingBackend extends MemoryBackend {
  override async *readBack(handle: Handle, options?: ReadBackOptions): AsyncGenerator<ReadBackChunk, void, void> {
    for await (const chunk of super.readBack(handle, options)) yield { ...chunk, points: chunk.points.flatMap((point) => [point, point]) };
  }
}

/** Gives the values of a series back in the order of its steps turned round. */
class SwappingBackend extends MemoryBackend {
  override async *readBack(handle: Handle, options?: ReadBackOptions): AsyncGenerator<ReadBackChunk, void, void> {
    for await (const chunk of super.readBack(handle, options)) {
      const values = chunk.points.map(({ value }) => value).toReversed();
      yield { ...chunk, points: chunk.points.map((point, i) => ({ ...point, value: values[i] ?? point.value })) };
    }
  }
}

const isText = ({ value }: HeldPoint): boolean => typeof value === 'string';

/** By what they do to points. */
export const LIARS: Readonly<Record<string, (tracker: MemoryTracker) => MemoryBackend>> = {
  'stores 0 for every scalar': (tracker) => new LyingBackend(tracker, (point) => (isText(point) ? point : { ...point, value: 0 })),
  'drops every scalar': (tracker) => new LyingBackend(tracker, (point) => (isText(point) ? point : undefined)),
  'drops whatever is no scalar': (tracker) => new LyingBackend(tracker, (point) => (isText(point) ? undefined : point)),
  'throws payloads away': (tracker) => new LyingBackend(tracker, (point) => (isText(point) ? { ...point, value: 'object' } : point)),
  'stores every step as 0': (tracker) => new LyingBackend(tracker, (point) => ({ ...point, step: 0 })),
  'stores another time': (tracker) => new LyingBackend(tracker, (point) => ({ ...point, wallTime: 7 })),
  'rounds values': (tracker) =>
    new LyingBackend(tracker, (point) => (isText(point) ? point : { ...point, value: Math.fround(Number(point.value)) })),
  'doubles points': (tracker) => new DoublingBackend(tracker),
  'swaps values': (tracker) => new SwappingBackend(tracker),
};
