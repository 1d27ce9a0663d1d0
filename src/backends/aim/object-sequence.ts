/**
 * Writes one series of texts, images, clips or distributions into one sequence: one point per step, by the step
 * itself. The exact value is in the object under names of our own, which Aim keeps and ignores. If several points
 * have one step, Aim shows the one with the greatest position, and the others are stored in the same object.
 */
import { oddTree } from './answers.ts';
import { COLLAPSED, narrow } from './cells.ts';
import type { AimClient, Resource } from './client.ts';
import type { Frames } from './frames.ts';
import type { AimObject } from './map.ts';
import { COLLAPSED_FIELD, type SequenceId } from './sequences.ts';
import { comparePositions, positionText, readPosition, type ShownPosition } from './shown-position.ts';
import { Custom, childOf, type Key, type Tree } from './tree.ts';

/** A point that is not a scalar, with its position in the event files. */
export interface PositionedObject {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly position: ShownPosition;
  /** The point's short name. */
  readonly id: string;
  readonly mapped: AimObject;
}

/** The names of our fields in an object, or in the first of several. */
export const OBJECT_FIELDS = { place: 'mb_place', id: 'mb_id', time: 'mb_time', exact: 'mb_value' } as const;

/** The names of types (`get_object_typename` in `aim/sdk/utils.py`, the aliases in `aim/sdk/objects`). */
const DTYPES: Readonly<Record<AimObject['family'], string>> = {
  scalar: 'float',
  distribution: 'aim.distribution',
  image: 'aim.image',
  audio: 'aim.audio',
  text: 'aim.text',
  json: 'aim.text',
};

/** Writes the points of one series that are not scalars. */
export class ObjectSequence {
  readonly id: SequenceId;
  readonly #base: readonly Key[];
  readonly #family: AimObject['family'];
  #isBegun: boolean;
  /** The most objects of a point; 0 if each point has a single object. */
  #most: number;
  #firstStep: number | bigint | undefined;
  #lastStep: number | bigint | undefined;
  #collapsed: number;
  /** True if the kept points were counted: the metadata does not count those that were kept just before a crash. */
  #isCounted = false;

  constructor(id: SequenceId, family: AimObject['family'], hash: string, fields: Tree | undefined) {
    this.id = id;
    this.#family = family;
    this.#base = ['seqs', 'chunks', hash, id.contextId, id.name];
    this.#isBegun = fields !== undefined;
    const number = (key: string): number | bigint | undefined => {
      const value = childOf(fields, key);
      return typeof value === 'bigint' ? narrow(value) : undefined;
    };
    this.#most = Number(number('record_max_length') ?? 0);
    this.#firstStep = number('first_step');
    this.#lastStep = number('last_step');
    this.#collapsed = Number(number(COLLAPSED_FIELD) ?? 0);
  }

  get dtype(): string {
    return this.#most > 0 ? `list(${DTYPES[this.#family]})` : DTYPES[this.#family];
  }

  get collapsed(): number {
    return this.#collapsed;
  }

  async write(points: readonly PositionedObject[], client: AimClient, frames: Frames, seqs: Resource, signal: AbortSignal): Promise<void> {
    if (!this.#isBegun) {
      for (const column of ['val', 'epoch', 'time']) await frames.add(seqs, 'make_array', [[...this.#base, column]]);
      this.#isBegun = true;
    }
    for (const point of points) {
      const count = point.mapped.objects.length;
      if (count > 1) this.#most = Math.max(this.#most, count);
      if (this.#lastStep === undefined || point.step > this.#lastStep) await this.#put(point, frames, seqs);
      else await this.#settle(point, client, frames, seqs, signal);
    }
  }

  /** Returns the run's metadata of this sequence. */
  traceFields(): (readonly [Key, Tree])[] {
    return [
      ['first_step', BigInt(this.#firstStep ?? 0)],
      ['last_step', BigInt(this.#lastStep ?? 0)],
      ...(this.#most > 0 ? [['record_max_length', BigInt(this.#most)] as const] : []),
      ...(this.#collapsed > 0 ? [[COLLAPSED_FIELD, BigInt(this.#collapsed)] as const] : []),
    ];
  }

  /** Writes a point whose step may already exist. */
  async #settle(point: PositionedObject, client: AimClient, frames: Frames, seqs: Resource, signal: AbortSignal): Promise<void> {
    const step = BigInt(point.step);
    await frames.flush();
    if (!this.#isCounted) {
      this.#collapsed = (await client.keys(seqs, [...this.#base, COLLAPSED], signal)).length;
      this.#isCounted = true;
    }
    const there = await client.find(seqs, 'collect', [[...this.#base, 'val', step], true, false], signal);
    if (!isCell(there)) throw oddTree('collect', client.address, 'an object of the sequence');
    const known = there === undefined ? undefined : ownFields(there);
    const position = typeof known?.['mb_place'] === 'string' ? readPosition(known['mb_place']) : undefined;
    // An object without one of our names is foreign, or incomplete.
    if (
      there === undefined ||
      known === undefined ||
      position === undefined ||
      typeof known['mb_id'] !== 'string' ||
      known['mb_id'] === point.id
    ) {
      await this.#put(point, frames, seqs);
      return;
    }
    const isOlder = comparePositions(point.position, position) < 0;
    const collapsed = isOlder ? this.#object(point) : there;
    const id = isOlder ? point.id : known['mb_id'];
    const isKnown = (await client.branch(seqs, [...this.#base, COLLAPSED, id], signal)) !== undefined;
    if (!isKnown) {
      // The step is stored with it: in a cell, the step is the key.
      await frames.update(seqs, [...this.#base, COLLAPSED], [[id, { step, val: collapsed }]]);
      this.#collapsed++;
    }
    if (!isOlder) await this.#put(point, frames, seqs);
    else await frames.flush();
  }

  async #put(point: PositionedObject, frames: Frames, seqs: Resource): Promise<void> {
    const step = BigInt(point.step);
    await frames.update(seqs, [...this.#base, 'val'], [[step, this.#object(point)]]);
    await frames.update(seqs, [...this.#base, 'epoch'], [[step, null]]);
    await frames.update(seqs, [...this.#base, 'time'], [[step, point.wallTime]]);
    if (this.#firstStep === undefined) this.#firstStep = point.step;
    if (this.#lastStep === undefined || point.step > this.#lastStep) this.#lastStep = point.step;
  }

  #object({ mapped, position, id, wallTime }: PositionedObject): Tree {
    const own = {
      [OBJECT_FIELDS.place]: positionText(position),
      [OBJECT_FIELDS.id]: id,
      [OBJECT_FIELDS.time]: wallTime,
      ...(mapped.exact === undefined ? {} : { [OBJECT_FIELDS.exact]: mapped.exact }),
    };
    const [first, ...rest] = mapped.objects;
    if (first === undefined) return null;
    const marked = new Custom(first.name, { ...first.fields, ...own });
    return this.#most > 0 ? [marked, ...rest] : marked;
  }
}

/** True if a cell of an object sequence can hold a value: nothing, an object, or several objects. */
function isCell(value: Tree | undefined): boolean {
  if (Array.isArray(value)) return (value as readonly Tree[]).every((item) => item instanceof Custom);
  return value === undefined || value === null || value instanceof Custom;
}

/** Returns the fields of an object, or of the first of several. */
export function ownFields(value: Tree): Readonly<Record<string, Tree>> | undefined {
  const first = Array.isArray(value) ? (value as readonly Tree[])[0] : value;
  return first instanceof Custom ? first.fields : undefined;
}
