import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Handle } from '../../../src/contract/index.ts';
import type { FileState, RunRef, Series } from '../../../src/model/index.ts';
import { plainMapping } from '../../../src/route/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';

beforeEach(() => {
  folder = temporaryFolder();
});

const at = (path: string): RunRef => ({ root: 'logs', path });

function fileState(name: string, watermark = 100): FileState {
  return {
    name,
    generation: 1,
    position: { watermark, gaps: [{ start: 10, end: 20, reason: 'damage' }] },
    guard: { first: { offset: 0, length: 24, checksum: 7 }, last: { offset: 60, length: 40, checksum: 9 } },
    damage: [{ start: 10, end: 20, reason: 'data_checksum' }],
    size: 100,
    stamp: '1.1.5',
    records: 2,
    fileVersion: 'brain.Event:2',
    writer: 'tensorboardX',
  };
}

const series = (id: number, tag: string): Series => ({
  id,
  tag,
  plugin: 'scalars',
  dataClass: 'scalar',
  metadata: Uint8Array.of(1, 2, 255),
  displayName: 'name',
  description: 'text',
  form: 'simple_value',
  firstFile: 'f',
  firstOffset: 3,
});

/** A state with something in every table. */
function fill(path: string): void {
  const state = StateFile.open(path, { now: () => 0 });
  state.root('logs', '/logs');
  const [mlflow, wandb] = [state.lane('mlflow', 'there'), state.lane('wandb', 'cloud')];
  for (const path of ['a', 'a/train', 'b']) {
    const run = at(path);
    state.noteGrowth(run, 5);
    for (const lane of [mlflow, wandb]) {
      lane.accepted(run, fileState('f', lane === mlflow ? 100 : 60), [series(0, 'loss'), series(1, `${path}/x`)], {
        points: 3,
        lastStep: 2n ** 60n,
        lastWallTime: 1.5,
      });
      lane.refused(run, 'f', 1, [{ offset: 1, index: 0, kind: 'refused', reason: 'no' }]);
      lane.keepHandle(run, `handle of ${path}` as Handle, { name: path, group: 'g', epoch: 0, files: [['f', 7]] });
      lane.keepArtifact(run, { path: 'p.yaml', rule: 'params', stamp: '1', bytes: 2, hash: 'h', outcome: { kind: 'done' } });
    }
    wandb.keepJournal(run, { firstLine: 0, count: 3, file: 'f', generation: 1, start: 0, end: 60, hash: 'h', mapping: 'm' });
    wandb.keepIntent(run, 'an intent' as never);
    state.keepRetry({ run, name: 'f' }, { attempts: 1, nextMs: 5 });
  }
  mlflow.keepMapping(at('a/train'), { ...plainMapping('a/train'), target: 'a', prefix: 'train/' });
  state.close();
}

/** The export of a state, without what tells it from others. */
function exportOf(path: string): unknown {
  const reader = StateFile.openForReading(path);
  try {
    const { meta: _, ...rest } = JSON.parse([...reader.dump()].join('')) as { meta: unknown };
    return rest;
  } finally {
    reader.close();
  }
}

const unitOf = (_root: string, run: string): string => run.split('/')[0] ?? run;

describe('units of a state', () => {
  it('contain all data: a state that is made of all units exports the same', () => {
    const [from, to] = [join(folder, 'from.state'), join(folder, 'to.state')];
    fill(from);
    const reader = StateFile.openForReading(from);
    const state = StateFile.open(to, { now: () => 0 });
    const units = [...reader.units(unitOf)];
    expect(units.map(({ unit, runs }) => [unit, runs.map(({ run }) => run)])).toEqual([
      ['a', ['a', 'a/train']],
      ['b', ['b']],
    ]);
    // As a document on its way would be.
    for (const unit of units) state.importUnit(JSON.parse(JSON.stringify(unit)));
    reader.close();
    state.close();
    expect(exportOf(to)).toEqual(exportOf(from));
  });

  it('replace the data of their runs, and of no others', () => {
    const [from, to] = [join(folder, 'from.state'), join(folder, 'to.state')];
    fill(from);
    fill(to);
    const state = StateFile.open(to, { now: () => 0 });
    const lane = state.lane('mlflow', 'there');
    lane.keepHandle(at('a'), 'another' as Handle);
    lane.keepHandle(at('b'), 'kept' as Handle);
    const reader = StateFile.openForReading(from);
    for (const unit of reader.units(unitOf)) if (unit.unit === 'a') state.importUnit(unit);
    reader.close();
    expect([lane.handle(at('a')), lane.handle(at('b'))]).toEqual(['handle of a', 'kept']);
    state.close();
  });

  it('of a newer version are refused, and the state does not change', () => {
    const [from, to] = [join(folder, 'from.state'), join(folder, 'to.state')];
    fill(from);
    fill(to);
    const reader = StateFile.openForReading(from);
    const [unit] = reader.units(unitOf);
    reader.close();
    const before = exportOf(to);
    const state = StateFile.open(to, { now: () => 0 });
    expect(() => state.importUnit({ ...unit!, version: 99 })).toThrow(/version 99/);
    state.close();
    expect(exportOf(to)).toEqual(before);
  });
});

describe('the shard of a state', () => {
  it('never changes, and neither does the rule that assigns runs to it', () => {
    const path = join(folder, 'one.state');
    const state = StateFile.open(path, { now: () => 0 });
    state.useShard(undefined);
    state.useShard({ index: 1, count: 2, fold: { names: ['train'] } });
    state.useShard({ index: 1, count: 2, fold: { names: ['train'] } });
    const others = [
      { index: 0, count: 2 },
      { index: 1, count: 3 },
      { index: 1, count: 2, fold: { names: ['eval'] } },
    ];
    for (const shard of [undefined, ...others]) expect(() => state.useShard(shard)).toThrow(expect.objectContaining({ code: 'MB3107' }));
    expect(state.shard).toEqual({ index: 1, count: 2 });
    state.close();
  });
});
