import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { trackio } from '../../../../src/backends/trackio/index.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { Backend, Handle } from '../../../../src/contract/index.ts';
import { event, simpleValue } from '../../../../src/testing/events/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { addressed, chosen, type Draft, GrowingRun, pointsOf } from '../../../../src/testing/parcels.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { TrackioStub } from '../../../support/trackio-stub.ts';

const signal = new AbortController().signal;
let stub: TrackioStub;
let backend: Backend;

beforeEach(async () => {
  stub = await TrackioStub.start();
  backend = await makeBackend(trackio, { url: stub.url, write_token: 'stub-token' });
});
afterEach(async () => {
  await backend.close();
  await stub.close();
});

/** Returns a draft with those points whose number in the file is wanted. */
function part(draft: Draft, isWanted: (number: number) => boolean): Draft {
  const wanted = new Set(pointsOf(draft).flatMap(({ offset, index }, i) => (isWanted(i) ? [`${offset}/${index}`] : [])));
  return { ...draft, batch: chosen(draft.batch, (offset, index) => wanted.has(`${offset}/${index}`)) };
}

async function send(drafts: readonly Draft[], handle: Handle): Promise<void> {
  const outcomes = await backend.send(addressed(drafts, handle), signal);
  expect(outcomes.filter(({ kind }) => kind !== 'accepted')).toEqual([]);
}

async function tagsOf(handle: Handle): Promise<string[]> {
  const tags: string[] = [];
  for await (const { tag, points } of backend.readBack(handle)) {
    for (const { offset, index } of points) tags.push(`${tag} ${offset}/${index}`);
  }
  return tags.sort();
}

it('a point is stored once, whatever was left out at first and however the file is cut later', async () => {
  let runs = 0;
  const row = fc.record({
    step: fc.integer({ min: 1, max: 2 }),
    // Some records are long, so that a step reaches over more than a row may.
    pad: fc.constantFrom(0, 0, 0, 0, 20_000, 40_000),
  });
  const sent = fc.record({ mask: fc.integer({ min: 0, max: 2 ** 16 - 1 }), cut: fc.integer({ min: 0, max: 16 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 3, maxLength: 16 }),
      fc.array(sent, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 16 }),
      async (rows, sends, last) => {
        const run = new GrowingRun(`run ${runs++}`);
        try {
          const events = rows.map(({ step, pad }, i) =>
            event({ wallTime: 1_700_000_000, step, summary: [simpleValue(`t${i}${'x'.repeat(pad)}`, i)] }),
          );
          const [draft, ...others] = run.append(events);
          if (draft === undefined || others.length > 0) throw new Error('expected one parcel');
          const handle = await backend.open(run.source(), undefined, signal);
          for (const { mask, cut } of [...sends, { mask: 2 ** 16 - 1, cut: last }]) {
            const isIn = (i: number): boolean => ((mask >> i) & 1) === 1;
            await send([part(draft, (i) => isIn(i) && i < cut)], handle);
            await send([part(draft, (i) => isIn(i) && i >= cut)], handle);
          }
          const wanted = pointsOf(draft).map(({ tag, offset, index }) => `${tag} ${offset}/${index}`);
          expect(await tagsOf(handle)).toEqual(wanted.sort());
        } finally {
          run.remove();
        }
      },
    ),
    {
      numRuns: 60,
      examples: [
        [
          [0, 0, 0].map((pad) => ({ step: 7, pad })),
          [
            { mask: 0b101, cut: 0 },
            { mask: 0b010, cut: 0 },
          ],
          2,
        ],
      ],
    },
  );
});

it('what a killed process left in the inbox is imported before anything else is written', async () => {
  const inbox = temporaryFolder();
  const through = (sleep: () => void): Promise<Backend> =>
    makeBackend(trackio, { url: stub.url, write_token: 'stub-token', inbox }, { clock: { ...systemClock, sleep: async () => sleep() } });
  const run = new GrowingRun();
  const killed = new AbortController();
  const former = await through(() => killed.abort());
  const next = await through(() => stub.importFrom(inbox));
  try {
    const [draft] = run.append(
      ['a', 'b', 'c'].map((tag) => event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue(tag, 1)] })),
    ) as [Draft];
    const handle = await former.open(run.source(), undefined, signal);
    expect(await former.send(addressed([draft], handle), killed.signal)).toMatchObject([{ kind: 'retry' }]);
    expect(await tagsOf(handle)).toEqual([]);
    for (const sent of [part(draft, (i) => i > 0), draft]) {
      expect(await next.send(addressed([sent], handle), signal)).toMatchObject([{ kind: 'accepted' }]);
    }
    expect(await tagsOf(handle)).toHaveLength(3);
  } finally {
    await Promise.all([former.close(), next.close()]);
    run.remove();
  }
});

it('rows that the server stores late are not stored again in another way', async () => {
  const run = new GrowingRun();
  try {
    const [draft] = run.append(
      ['a', 'b', 'c'].map((tag) => event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue(tag, 1)] })),
    ) as [Draft];
    const handle = await backend.open(run.source(), undefined, signal);
    stub.forgets = 1;
    expect(await backend.send(addressed([draft], handle), signal)).toMatchObject([{ kind: 'retry' }]);
    await send([part(draft, (i) => i > 0)], handle);
    stub.remember();
    await send([draft], handle);
    expect(await tagsOf(handle)).toHaveLength(3);
    // Rows that never arrive do not hold up others for ever.
    const [next] = run.append(['d', 'e'].map((tag) => event({ wallTime: 1_700_000_009, step: 2, summary: [simpleValue(tag, 1)] }))) as [
      Draft,
    ];
    stub.forgets = 4;
    for (let i = 0; i < 4; i++) expect(await backend.send(addressed([next], handle), signal)).toMatchObject([{ kind: 'retry' }]);
    await send([next], handle);
    expect(await tagsOf(handle)).toHaveLength(5);
  } finally {
    run.remove();
  }
});

it('a row of fewer points that another process stored first is found, and completed', async () => {
  const run = new GrowingRun();
  try {
    const [draft] = run.append(
      ['a', 'b', 'c'].map((tag) => event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue(tag, 1)] })),
    ) as [Draft];
    const handle = await backend.open(run.source(), undefined, signal);
    stub.rival = (logs) => logs.map((row) => ({ ...row, metrics: { a: 1 } }));
    // The rows may also be on their way: they are sent again as they are first.
    for (let i = 0; i < 4; i++) expect(await backend.send(addressed([draft], handle), signal)).toMatchObject([{ kind: 'retry' }]);
    expect(await tagsOf(handle)).toHaveLength(1);
    await send([draft], handle);
    expect(await tagsOf(handle)).toHaveLength(3);
  } finally {
    run.remove();
  }
});

it('what is prepared while rows are on their way is stored with them, or noted as not stored', async () => {
  const run = new GrowingRun();
  try {
    // Rows of more than one request.
    const pad = 'x'.repeat(30_000);
    const drafts = Array.from({ length: 12 }, (_, n) =>
      run.append(
        Array.from({ length: 10 }, (_, i) => event({ wallTime: 1_700_000_000, step: n * 10 + i, summary: [simpleValue(`t${pad}`, i)] })),
      ),
    ).flat();
    const handle = await backend.open(run.source(), undefined, signal);
    const { counts } = stub.server;
    counts.clear();
    await send(drafts, handle);
    expect([...counts]).toEqual([
      ['POST /api/query_project', 2],
      ['POST /api/bulk_log', 4],
    ]);
    expect(await tagsOf(handle)).toHaveLength(120);
    // The second of several requests is lost.
    const more = [1, 2, 3].flatMap((n) =>
      run.append(
        Array.from({ length: 40 }, (_, i) => event({ wallTime: 1_700_000_000, step: n * 1000 + i, summary: [simpleValue(`t${pad}`, i)] })),
      ),
    );
    stub.rival = () => {
      stub.server.faults.add({ kind: 'unavailable' }, 1);
      return [];
    };
    const outcomes = await backend.send(addressed(more, handle), signal);
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['retry']));
    await send(more, handle);
    expect(await tagsOf(handle)).toHaveLength(240);
  } finally {
    run.remove();
  }
});
