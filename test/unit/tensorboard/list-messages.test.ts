// Lists of series are encoded by hand: another decoder must read what was written.
import { describe, expect, it } from '@jest/globals';
import type { SeriesDefinition, SeriesListing } from '../../../src/query/index.ts';
import { FlatWriter, varintSize } from '../../../src/tensorboard/flat-writer.ts';
import { listMessage } from '../../../src/tensorboard/list-messages.ts';
import { decoded, type Message } from '../../support/tensorboard-client.ts';

const STEPS = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 56n, 2n ** 63n - 1n, -1n, -(2n ** 63n)];
const TIMES = [0, -0, 1.5, Number.POSITIVE_INFINITY, Number.NaN, 1e300];

const definition = (tag: string, dataClass: SeriesDefinition['dataClass'] = 'scalar'): SeriesDefinition => ({
  tag,
  plugin: 'scalars',
  dataClass,
  form: 'simple_value',
  displayName: '',
  description: 'd'.repeat(200),
  metadata: Uint8Array.of(),
});

/** A series for each step: the first half in one run, the second half in another one. */
const listing: SeriesListing = {
  runs: [
    { root: 'r', path: 'a' },
    { root: 'r', path: 'ü'.repeat(100) },
  ],
  definitions: [definition('loss'), definition('\u0000<b>😀')],
  run: Uint32Array.from(STEPS, (_, i) => (i < 6 ? 0 : 1)),
  definition: Uint32Array.from(STEPS, (_, i) => i % 2),
  lastStep: BigInt64Array.from(STEPS),
  lastWallTime: Float64Array.from(STEPS, (_, i) => TIMES[i % TIMES.length] as number),
  mostParts: Uint32Array.from(STEPS, (_, i) => i * 100),
};
const nameOf = ({ path }: { readonly path: string }): string => path;

it.each([
  ['ListAnswer', false],
  ['BlobListAnswer', true],
] as const)('%s can be decoded', (type, hasLengths) => {
  const { runs } = decoded(type, listMessage(listing, { nameOf, hasLengths }));
  expect(runs.map((run: Message) => [run.run_name, run.tags.length])).toEqual([
    ['a', 6],
    ['ü'.repeat(100), 6],
  ]);
  const tags = runs.flatMap((run: Message) => run.tags);
  expect(tags.map((tag: Message) => tag.tag_name)).toEqual(STEPS.map((_, i) => ['loss', '\u0000<b>😀'][i % 2]));
  expect(tags.map((tag: Message) => tag.metadata.max_step ?? '0')).toEqual(STEPS.map(String));
  expect(tags.map((tag: Message) => tag.metadata.max_wall_time ?? 0)).toEqual([...listing.lastWallTime]);
  expect(tags.map(({ metadata }: Message) => (hasLengths ? (metadata.max_length ?? '0') : metadata.max_length))).toEqual(
    STEPS.map((_, i) => (hasLengths ? String(i * 100) : undefined)),
  );
  const metadata = decoded('SummaryMetadata', tags[1].metadata.summary_metadata);
  expect(tags[1].metadata.summary_metadata.length).toBeGreaterThan(200);
  expect(metadata).toMatchObject({ display_name: '\u0000<b>😀', data_class: 1 });
});

it('leaves out definitions, and keeps runs that have no others', () => {
  const bytes = listMessage(listing, { nameOf, hasLengths: false, leftOut: new Set([0, 1]) });
  expect(decoded('ListAnswer', bytes).runs).toMatchObject([{ run_name: 'a', tags: [] }, { tags: [] }]);
});

it('encodes a list without series', () => {
  expect(listMessage({ ...listing, run: new Uint32Array() }, { nameOf, hasLengths: false })).toHaveLength(0);
});

describe('a writer into an array of known size', () => {
  it.each(STEPS)('knows the size of %d', (step) => {
    const writer = new FlatWriter(varintSize(step));
    writer.varint(step);
    expect(writer.finish()).toHaveLength(varintSize(step));
  });

  it('reveals a wrong size', () => {
    expect(() => new FlatWriter(2).finish()).toThrow('0 bytes were written into 2');
  });
});
