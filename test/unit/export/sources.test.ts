import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openForReading } from '../../../src/backends/local/client.ts';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import { StoreReader } from '../../../src/backends/local/reader.ts';
import { filesSource } from '../../../src/cli/files-source.ts';
import { findTarget } from '../../../src/cli/survey.ts';
import { type ExportSource, storeSource, writeTruthJson } from '../../../src/export/index.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import * as w from '../../support/event-writer.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

let folder: string;
let logs: string;

beforeEach(() => {
  folder = temporaryFolder();
  logs = join(folder, 'logs');
  mkdirSync(join(logs, 'run'), { recursive: true });
});

/** Mirrors `logs` into a store, and hands out a source over it. */
async function fromStore(use: (source: ExportSource) => Promise<void>): Promise<void> {
  const options = { path: join(folder, 'store.db'), mediaPath: join(folder, 'media') };
  const backend = new LocalBackend(options);
  const reader = new StoreReader(openForReading(options.path), options.path);
  try {
    const window = new FileWindow();
    for (const { path, files } of walk(logs).runs) {
      const run = { root: 'logs', path };
      const handle = await backend.open({ run, rootPath: logs });
      const job = { run, directory: directoryAt(join(logs, path)), files: files.map(({ name }) => ({ name })), series: [], settled: true };
      for (const event of readRun(job, window)) {
        if (event.kind !== 'batch') continue;
        const [outcome] = await backend.send([{ handle, batch: event.batch, state: event.state }]);
        expect(outcome?.kind).toBe('accepted');
      }
    }
    await use(storeSource(reader, { roots: ['logs'] }));
  } finally {
    reader.close();
    await backend.close();
  }
}

async function exported(source: ExportSource): Promise<string> {
  const chunks: string[] = [];
  await writeTruthJson(source, (chunk) => void chunks.push(chunk));
  return chunks.join('');
}

describe('sources of an export', () => {
  it('are equal from the store and from the files', async () => {
    const scalar = (step: number | bigint, x: number) =>
      w.event({ wallTime: 1_700_000_000.25, step, summary: [w.simpleValue('loss', x), w.simpleValue('acc', -x)] });
    const first = w.eventFile(scalar(1, 0.5), scalar(2, NaN), w.event({ step: 3, wallTime: 1, summary: [w.text('note', 'hi')] }));
    // Of one tag a number, then a tensor that is none, then a number: they stay in their order.
    const odd = w.plainTensor('loss', { dtype: 'float', shape: [2], values: [1, 2] });
    const wide = w.tensorScalar('wide', 9_007_199_254_740_993n, 'int64');
    const second = w.eventFile(
      scalar(3, -0),
      w.event({ step: 4, wallTime: 2, summary: [odd, wide] }),
      scalar(9_223_372_036_854_775_807n, 7),
    );
    writeFileSync(join(logs, 'run', 'events.out.tfevents.1'), first);
    writeFileSync(join(logs, 'run', 'events.out.tfevents.2'), second);
    writeFileSync(join(logs, 'events.out.tfevents.1'), w.eventFile());

    const files = await exported(filesSource(await findTarget(logs)));
    await fromStore(async (source) => expect(await exported(source)).toBe(files));

    const { runs } = JSON.parse(files);
    expect(Object.keys(runs)).toEqual(['.', 'run']);
    expect(runs['.'].tags).toEqual({});
    expect(runs['.'].files).toHaveLength(1);
    const { loss, wide: exact, note } = runs.run.tags;
    expect(loss.points.map(([step, , value]: unknown[]) => [step, value])).toEqual([
      [1, 0.5],
      [2, 'NaN'],
      [3, -0],
      [4, expect.objectContaining({ dtype: 'float', shape: [2], values: [1, 2] })],
      ['9223372036854775807', 7],
    ]);
    expect(exact.points[0][2]).toBe('9007199254740993');
    expect(note).toEqual({ plugin: 'text', data_class: 'tensor', points: [[3, 1, { shape: [], strings: ['hi'] }]] });
  });

  it('report the problems of a file', async () => {
    const whole = w.eventFile(w.event({ step: 1, wallTime: 1, summary: [w.simpleValue('x', 1)] }));
    writeFileSync(join(logs, 'run', 'events.out.tfevents.1'), whole.subarray(0, whole.length - 3));
    const fileIn = async (source: ExportSource) => JSON.parse(await exported(source)).runs.run.files[0];
    const torn = { end: whole.length - 3, reason: 'torn' };
    const live = await fileIn(filesSource(await findTarget(logs), { settled: false }));
    expect(live).toMatchObject({ bytes: whole.length - 3, records: 1 });
    expect(live.damage).toEqual([{ ...torn, start: live.good_bytes }]);
    const file = await fileIn(filesSource(await findTarget(logs)));
    expect(file).toEqual({ ...live, damage: [{ ...live.damage[0], detail: 'no valid record inside' }] });
    await fromStore(async (source) => expect(await fileIn(source)).toEqual(file));
  });

  it('read a series again at a second request', async () => {
    writeFileSync(
      join(logs, 'run', 'events.out.tfevents.1'),
      w.eventFile(w.event({ step: 1, wallTime: 1, summary: [w.simpleValue('x', 1)] })),
    );
    const source = filesSource(await findTarget(logs));
    expect(await exported(source)).toBe(await exported(source));
    for await (const run of source.runs()) {
      for (const one of run.series) expect([...one.points()]).toEqual([...one.points()]);
    }
  });
});
