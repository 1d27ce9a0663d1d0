// Reading a task back where the server's pages leave something out: behind step 0, and beyond 10,000 events of one
// step.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, Handle, ReadBackOptions } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf, taskIdOf } from '../../../contract/clearml-harness.ts';
import { ClearmlStub } from '../../../support/clearml-stub/index.ts';
import { event, histogramTensor, plainTensor, simpleValue, text } from '../../../support/event-writer.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: ClearmlStub;
let run: GrowingRun;
let backend: Backend;

beforeEach(async () => {
  stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  run = new GrowingRun('train');
  backend = await connectClearml({ ...sectionOf(stub.url), project: 'pages' });
});
afterEach(async () => {
  await backend.close();
  expect(stub.violations).toEqual([]);
  await stub.close();
  run.remove();
});

async function mirrored(events: readonly Uint8Array[]): Promise<{ readonly handle: Handle; readonly missing: readonly string[] }> {
  const sent = new SmallDelivery(backend, newLedger(), run.source());
  await sent.open();
  const drafts = run.append(events);
  await sent.deliver(drafts);
  const handle = sent.ledger.handle as Handle;
  return { handle, missing: differences(backend, expectedOf(backend, drafts), await readHeld(backend, handle)) };
}

/** Scalars that another program wrote into the task in the same way as mirrorboard. */
function put(task: string, iter: number, metric: string, variant: string, offset: number, type = 'training_stats_scalar'): void {
  const key = `${metric.length}.0123abcd.${offset.toString(36)}.1.0`;
  const plot = JSON.stringify({ layout: { meta: { mirrorboard: { version: 1, plugin: 'histograms', value: '{}' } } } });
  const fields = { type, task, metric, variant, key, iter, timestamp: T, ...(type === 'plot' ? { plot_str: plot } : { value: offset }) };
  stub.store.put({ kind: type, task, iter: BigInt(iter), text: JSON.stringify(fields), fields });
}

/** How often each point came, by its place. */
async function read(handle: Handle, options: ReadBackOptions = {}): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const { tag, points } of backend.readBack(handle, options)) {
    for (const { offset } of points) found.set(`${tag} ${offset}`, (found.get(`${tag} ${offset}`) ?? 0) + 1);
  }
  return found;
}

describe('a page that ends at step 0', () => {
  it.each([
    ['nothing else', [0]],
    ['steps behind it', [0, 1, 2, 700]],
    ['steps before it', [-7, -1, 0]],
    ['steps on both sides', [-7, -1, 0, 1, 2 ** 40]],
  ])('is read with %s', async (_, steps) => {
    const events = steps.map((step) =>
      event({
        wallTime: T,
        step,
        summary: [
          simpleValue('loss', step),
          text('notes', `at ${step}`),
          histogramTensor('weights', [[0, 1, 2]]),
          plainTensor('embedding', { dtype: 'float', shape: [2], values: [step, 1] }),
        ],
      }),
    );
    expect((await mirrored(events)).missing).toEqual([]);
  });

  it('is followed by all its pages, each once', async () => {
    const { handle } = await mirrored([event({ wallTime: T, step: 0, summary: [simpleValue('loss', 1)] })]);
    const task = taskIdOf(handle);
    // A page of plots has 500: the first ends at 0, those behind it come from the other end.
    for (let i = 0; i < 499; i++) put(task, -i, 'before', '', i, 'plot');
    put(task, 0, 'at', '', 7, 'plot');
    for (let i = 1; i <= 1700; i++) put(task, i, 'behind', '', i, 'plot');
    const found = await read(handle, { isWanted: (tag) => tag !== 'loss' });
    expect(found.size).toBe(499 + 1 + 1700);
    expect([...found.values()].every((count) => count === 1)).toBe(true);
  });

  it('does not prevent the removal of a task with its files', async () => {
    const { handle } = await mirrored(
      [0, 1].map((step) => event({ wallTime: T, step, summary: [plainTensor('e', { dtype: 'float', shape: [300], values: [step] })] })),
    );
    expect(stub.files.size).toBeGreaterThan(2);
    await backend.remove?.(handle, signal);
    expect([stub.tasks(), [...stub.files.keys()]]).toEqual([[], []]);
  });
});

describe('more than 10,000 events at one step', () => {
  const MANY = 10_500;

  it.each([0, 3, -3])('are read by their metrics at step %i', async (step) => {
    const { handle } = await mirrored([event({ wallTime: T, step: 9, summary: [simpleValue('loss', 1)] })]);
    const task = taskIdOf(handle);
    for (let i = 0; i < MANY; i++) put(task, step, `metric-${i % 700}`, `v${i}`, i);
    for (let i = 0; i < 20; i++) put(task, i - 10, `metric-${i}`, 'other', MANY + i);
    const found = await read(handle);
    expect(found.size).toBe(MANY + 20 + 1);
    expect([...found.values()].every((count) => count === 1)).toBe(true);
    // The filter holds 500 names at a time.
    expect(stub.count('events.get_task_events')).toBeLessThan(20);
  });

  it.each([
    ['400 metrics', 400],
    ['one metric', 1],
  ])('are read, in the case of %s, from a server that has no list of names and no cursors', async (_, metrics) => {
    const { handle } = await mirrored([event({ wallTime: T, step: 9, summary: [simpleValue('loss', 1)] })]);
    for (const action of ['events.get_task_metrics', 'events.get_scalar_metric_data'])
      stub.refuseCall(action, 404, 0, 'Unable to find endpoint for name');
    const task = taskIdOf(handle);
    const tags = Array.from({ length: MANY }, (_, i) => `m${i % metrics}/v${i}`);
    for (let i = 0; i < MANY; i++) put(task, 5, `m${i % metrics}`, `v${i}`, i);
    const found = await read(handle, { tags: () => tags });
    expect([found.size, Math.max(...found.values())]).toEqual([MANY + 1, 1]);
  });

  it('are read from a cursor of the server if one metric alone has that many', async () => {
    const { handle } = await mirrored([event({ wallTime: T, step: 9, summary: [simpleValue('loss', 1)] })]);
    const task = taskIdOf(handle);
    for (let i = 0; i < MANY; i++) put(task, 5, 'one', 'series', i);
    const found = await read(handle);
    expect([found.size, Math.max(...found.values())]).toEqual([MANY + 1, 1]);
  });

  it('are read by their variants if the metric of plots has that many', async () => {
    const { handle } = await mirrored([event({ wallTime: T, step: 9, summary: [simpleValue('loss', 1)] })]);
    const task = taskIdOf(handle);
    const tags = Array.from({ length: MANY }, (_, i) => `all/v${i}`);
    for (let i = 0; i < MANY; i++) put(task, 5, 'all', `v${i}`, i, 'plot');
    const found = await read(handle, { tags: () => tags });
    expect([found.size, Math.max(...found.values())]).toEqual([MANY + 1, 1]);
  });

  it('are read by names that the server does not list if these are expected', async () => {
    const { handle } = await mirrored([event({ wallTime: T, step: 9, summary: [simpleValue('loss', 1)] })]);
    const task = taskIdOf(handle);
    const names = Array.from({ length: MANY }, (_, i) => `m${String(i).padStart(6, '0')}`);
    for (const [i, name] of names.entries()) put(task, 0, name, '', i);
    expect((await read(handle, { tags: () => names })).size).toBe(MANY + 1);
    // Without expected names the reader cannot ask for them: it reports this, and does not pass for complete.
    await expect(read(handle)).rejects.toMatchObject({
      code: 'MB4006',
      message: expect.stringMatching(/does not return .* of 10501 events/),
    });
  });
});

describe('a server that restarts a listing', () => {
  it('is an error, and mirrorboard asks no other server', async () => {
    const { handle } = await mirrored([event({ wallTime: T, step: 1, summary: [simpleValue('loss', 1)] })]);
    for (let i = 0; i < 1200; i++) put(taskIdOf(handle), i + 1, 'plots', '', i, 'plot');
    stub.beginsAgain = true;
    await expect(read(handle)).rejects.toMatchObject({
      code: 'MB4003',
      message: expect.stringMatching(/the server sent the same page twice/),
    });
    expect(stub.count('events.get_task_events')).toBeLessThan(10);
  });
});
