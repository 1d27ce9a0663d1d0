import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type StateFlags, stateCommand } from '../../../src/cli/state.ts';
import type { Handle, Intent } from '../../../src/contract/index.ts';
import type { FileState, Series } from '../../../src/model/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run = { root: 'logs', path: 'exp1' };
const wide = 2n ** 63n - 1n;

let folder = '';
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'a.state');
});
function fill(): StateFile {
  const state = StateFile.open(path, { now: () => Date.UTC(2026, 0, 2) });
  const series: Series = {
    id: 0,
    tag: 'loss',
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array([255, 0, 1]),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: 'f\u001b[31m',
    firstOffset: 24,
  };
  const file: FileState = {
    name: 'f\u001b[31m',
    generation: 1,
    position: { watermark: 1000, gaps: [{ start: 100, end: 200, reason: 'damage' }] },
    guard: { first: { offset: 0, length: 8, checksum: 1 }, last: undefined },
    damage: [
      { start: 100, end: 200, reason: 'length_checksum' },
      { start: 1000, end: 1024, reason: 'torn' },
    ],
    size: 1024,
    stamp: 's',
    records: 9,
  };
  state.root('logs', '/mnt/logs');
  const [one, two] = [state.lane('mlflow', 'http://one'), state.lane('mlflow', 'http://two')];
  state.lane('local', 'a.db', { ownsPositions: true });
  one.accepted(run, file, [series], { points: 1234, lastStep: wide });
  two.keepHandle(run, 'handle' as Handle);
  one.keepMapping(run, { target: '.', prefix: 'train/', renames: [], names: {}, left: { loss: { every: 10 } }, isOut: false });
  one.keepArtifact(run, { path: 'c.yaml', rule: 'params', stamp: 's', bytes: 5, hash: 'ab', outcome: { kind: 'done' } });
  one.keepIntent(run, 'intent' as Intent);
  one.keepJournal(run, { firstLine: 0, count: 3, file: file.name, generation: 1, start: 0, end: 9, hash: 'h', mapping: 'm' });
  one.refused(run, file.name, 1, [
    { offset: 24, index: 0, kind: 'refused', reason: 'too long' },
    { offset: 24, index: 1, kind: 'unsupported', reason: 'audio' },
  ]);
  state.keepRetry({ run, name: file.name }, { attempts: 2, nextMs: 1000 });
  state.noteGrowth(run, 77);
  state.writeStatus({ ok: true });
  state.flush();
  return state;
}

async function command(action: 'show' | 'check' | 'export', flags: StateFlags = {}, env: NodeJS.ProcessEnv = {}) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr'): NodeJS.WriteStream =>
    new Writable({
      write: (chunk, _, done) => {
        said[name] += chunk;
        done();
      },
    }) as NodeJS.WriteStream;
  const context = { stdout: stream('stdout'), stderr: stream('stderr'), env, exitCode: 0 };
  await stateCommand(action, { state: path, ...flags }, context);
  return { ...said, exitCode: context.exitCode };
}

describe('state show', () => {
  test('shows the content of a state, also while another process writes to it', async () => {
    const state = fill();
    const { stdout, stderr, exitCode } = await command('show');
    state.close();
    expect([stderr, exitCode]).toEqual(['', 0]);
    expect(stdout).toContain(`instance ${state.instanceId}, created 2026-01-02T00:00:00.000Z`);
    expect(stdout).toMatch(/^1 run, 1 file, 1 series; status written /m);
    expect(stdout).toMatch(/^logs +1 +1 +\/mnt\/logs$/m);
    expect(stdout).toMatch(/^mlflow: http:\/\/one +1 +0 +24 B +1 +1,234 +1 +1 +1$/m);
    expect(stdout).toMatch(/^mlflow: http:\/\/two +0 +1 +1\.00 KiB +0 +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^local: a\.db +its own +its own +its own +its own +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/Damage \(2\)\n {2}logs\/exp1\/f\\x1b\[31m, offset 100, 100 bytes: a record's length/);
    expect(stdout).toMatch(/Pending \(1\)\n {2}mlflow \(http:\/\/one\): logs\/exp1\/f.*offset 100, 100 bytes, damage/);
    expect(stdout).toMatch(/Retries \(1\)\n.*due now, 2 attempts so far/);
    expect(stdout).not.toContain('\u001b');
  });

  test('returns the same as JSON', async () => {
    fill().close();
    const shown = JSON.parse((await command('show', { json: true })).stdout);
    expect(shown).toMatchObject({
      type: 'state',
      path,
      totals: { runs: 1, files: 1, series: 1 },
      roots: [{ name: 'logs', path: '/mnt/logs', runs: 1, files: 1 }],
      lanes: [
        {
          name: 'mlflow',
          target: 'http://one',
          positions: 1,
          at_start: 0,
          bytes_ahead: 24,
          gaps: 1,
          points: 1234,
          refused: 1,
          unsupported: 1,
          intents: 1,
        },
        { name: 'mlflow', target: 'http://two', positions: 0, at_start: 1, bytes_ahead: 1024, handles: 1 },
        { name: 'local', owns_positions: true },
      ],
      damage: [
        { root: 'logs', run: 'exp1', start: 100, pending: false },
        { start: 1000, pending: true },
      ],
      gaps: [{ lane: 'mlflow', target: 'http://one', start: 100, end: 200, reason: 'damage' }],
      retries: [{ attempts: 2, next_ms: 1000 }],
      status_written_ms: Date.UTC(2026, 0, 2),
    });
  });

  test('uses the state of the variable if no flag names one, and refuses an empty flag', async () => {
    fill().close();
    const context = { stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 };
    await expect(stateCommand('show', { state: '' }, context)).rejects.toMatchObject({ code: 'MB1001' });
    await expect(stateCommand('show', {}, { ...context, env: { MIRRORBOARD_STATE: join(folder, 'none') } })).rejects.toMatchObject({
      code: 'MB3105',
      message: expect.stringContaining(join(folder, 'none')),
    });
  });
});

describe('state check', () => {
  test('accepts a valid state', async () => {
    fill().close();
    expect(await command('check')).toEqual({ stdout: `${path} is valid.\n`, stderr: '', exitCode: 0 });
    expect(JSON.parse((await command('check', { json: true })).stdout)).toEqual({ type: 'state_check', path, valid: true, problems: [] });
  });

  test('lists the problems, and exits 1', async () => {
    fill().close();
    const db = new DatabaseSync(path);
    db.exec('UPDATE position SET watermark = 5000');
    db.close();
    const { stdout, exitCode } = await command('check');
    expect(stdout).toBe('lane mlflow, logs/exp1/f\\x1b[31m: the watermark 5000 is beyond the end of the file, 1024\n');
    expect(exitCode).toBe(1);
    const asJson = await command('check', { json: true });
    expect(JSON.parse(asJson.stdout)).toMatchObject({ valid: false, problems: [{ where: expect.any(String), what: expect.any(String) }] });
    expect(asJson.exitCode).toBe(1);
  });
});

describe('state export', () => {
  test('writes everything, large steps as texts and bytes as base64', async () => {
    fill().close();
    const { stdout } = await command('export');
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'mirrorboard.state',
      version: 2,
      meta: { instance_id: expect.any(String), created_at: '2026-01-02T00:00:00.000Z' },
      status: { document: { ok: true } },
      roots: [{ name: 'logs', path: '/mnt/logs' }],
      lanes: [{ target: 'http://one' }, { target: 'http://two' }, { owns_positions: true }],
      runs: [
        {
          root: 'logs',
          run: 'exp1',
          grown_ms: 77,
          series: [{ id: 0, tag: 'loss', metadata: '/wAB', firstOffset: 24 }],
          files: [
            {
              name: 'f\u001b[31m',
              generation: 1,
              guard: [{ offset: 0, length: 8, checksum: 1 }, null],
              retry: { attempts: 2, next_ms: 1000 },
              positions: [{ lane: 0, watermark: 1000, gaps: [{ start: 100, end: 200, reason: 'damage' }], last: null }],
              refusals: [{ lane: 0, offset: 24, idx: 0 }, { idx: 1 }],
            },
          ],
          delivered: [{ lane: 0, points: 1234, last_step: '9223372036854775807' }],
          handles: [{ lane: 1, handle: 'handle' }],
          journal: [{ lane: 0, first_line: 0, count: 3, hash: 'h' }],
          intents: [{ lane: 0, intent: 'intent' }],
          mappings: [{ lane: 0, mapping: { prefix: 'train/', left: { loss: { every: 10 } } } }],
          side: [{ lane: 0, path: 'c.yaml', outcome: { kind: 'done' } }],
        },
      ],
    });
  });

  test('leaves out no table and no column', async () => {
    fill().close();
    const { stdout } = await command('export');
    const db = new DatabaseSync(path);
    const columns = db
      .prepare(
        `SELECT t.name AS tbl, c.name AS col FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND c.name NOT IN ('id', 'run', 'file', 'lane', 'root', 'key', 'value')`,
      )
      .all();
    db.close();
    // Series and the handle's kind of row have the model's names.
    const named: Readonly<Record<string, string>> = {
      number: 'id',
      data_class: 'dataClass',
      display_name: 'displayName',
      first_file: 'firstFile',
      first_offset: 'firstOffset',
    };
    const missing = columns.filter(({ col }) => !stdout.includes(`"${named[String(col)] ?? col}":`));
    expect(missing).toEqual([]);
    expect(columns.length).toBeGreaterThan(50);
  });

  test('writes a complete file in place of a former one, or no file', async () => {
    fill().close();
    const out = join(folder, 'out.json');
    writeFileSync(out, 'former');
    const { stdout, stderr } = await command('export', { out });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/ written to .*out\.json\n$/);
    expect(readFileSync(out, 'utf8')).toBe((await command('export', { out: '-' })).stdout);
    expect(JSON.parse((await command('export', { out, json: true })).stdout)).toMatchObject({ type: 'state_export', out });
    await expect(command('export', { out: join(folder, 'none', 'out.json') })).rejects.toMatchObject({ code: 'MB3009' });
    await expect(command('export', { out: folder })).rejects.toMatchObject({ code: 'MB3009' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('keeps a former file if the state turns out to be damaged', async () => {
    fill().close();
    const db = new DatabaseSync(path);
    db.exec("UPDATE file SET guard = '{'");
    db.close();
    const out = join(folder, 'out.json');
    writeFileSync(out, 'former');
    await expect(command('export', { out })).rejects.toMatchObject({ code: 'MB3104' });
    expect(readFileSync(out, 'utf8')).toBe('former');
  });
});
