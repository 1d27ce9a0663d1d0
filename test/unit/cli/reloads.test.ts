import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { changesBetween } from '../../../src/cli/config-changes.ts';
import { FileLook } from '../../../src/cli/file-look.ts';
import { Reloads } from '../../../src/cli/reloads.ts';
import { type Config, loadConfig } from '../../../src/config/index.ts';
import { until } from '../../../src/testing/bench.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the configuration of the next round of a service', () => {
  it('is loaded once for all concurrent requests, and ends the round when it is ready', async () => {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    const reloads = new Reloads(
      async (reason: string) => {
        asked.push(reason);
        if (asked.length === 1) await gate.promise;
        return asked.length;
      },
      async () => undefined,
    );
    const { signal } = reloads;
    reloads.ask('first');
    await turn();
    for (const reason of ['second', 'third']) reloads.ask(reason);
    expect([asked, signal.aborted]).toEqual([['first'], false]);
    gate.resolve();
    await until(() => asked.length === 2, 'the second look');
    await turn();
    expect([asked, signal.aborted, reloads.take(), reloads.take(), reloads.signal.aborted]).toEqual([
      ['first', 'second'],
      true,
      2,
      undefined,
      false,
    ]);
  });

  it('does not interrupt the round without a change, and is discarded if it is not used', async () => {
    const dropped: number[] = [];
    const answers = [undefined, 1, 2];
    const reloads = new Reloads(
      async () => answers.shift(),
      async (setup: number) => void dropped.push(setup),
    );
    const { signal } = reloads;
    reloads.ask('nothing');
    await turn();
    expect(signal.aborted).toBe(false);
    reloads.ask('one');
    await turn();
    reloads.ask('another');
    await turn();
    await reloads.close();
    expect([signal.aborted, dropped]).toEqual([true, [1, 2]]);
  });
});

describe('a check of a file', () => {
  it('reports once each that it was written, replaced, or moved behind another link', async () => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries({ a: '1', b: '2' })) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), text);
    }
    symlinkSync('a', join(folder, 'data'));
    let changes = 0;
    const look = new FileLook(join(folder, 'data', 'file'), () => changes++, 5);
    const lookMore = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await lookMore();
    expect(changes).toBe(0);
    writeFileSync(join(folder, 'a', 'file'), 'longer');
    await until(() => changes === 1, 'the writing is seen');
    symlinkSync('b', join(folder, 'tmp'));
    renameSync(join(folder, 'tmp'), join(folder, 'data'));
    await until(() => changes === 2, 'the link is seen');
    rmSync(join(folder, 'b', 'file'));
    await until(() => changes === 3, 'it is gone');
    await lookMore();
    expect(changes).toBe(3);
    look[Symbol.dispose]();
    writeFileSync(join(folder, 'b', 'file'), 'back');
    await lookMore();
    expect(changes).toBe(3);
  });
});

describe('the differences of two configurations', () => {
  const load = (text: string): Promise<Config> => loadConfig({ flags: {}, env: { KEY: 'k' }, cwd: '/', readFile: () => text });
  const base = `roots: [a]\nlanes: { local: {}, mlflow: { tracking_uri: "http://h", token: "\${KEY}" } }\n`;

  it.each<[string, string, readonly string[], boolean]>([
    ['nothing, though it is written otherwise', `# a word\n\n${base}`, [], false],
    ['a level', `${base}log: { level: debug }\n`, ['log.level'], false],
    ['the time of grace', `${base}shutdown_grace: 1s\n`, ['shutdown_grace'], false],
    ['a lane', base.replace('http://h', 'http://i'), ['lanes.mlflow'], true],
    ['one lane less', 'roots: [a]\nlanes: { local: {} }\n', ['lanes.mlflow'], true],
    [
      'roots, routes, tags',
      `${base.replace('[a]', '[a, b]')}routes: [{ tags: x, lanes: [local] }]\ntags: [t]\n`,
      ['roots', 'tags', 'routes', 'lanes.mlflow'],
      true,
    ],
    [
      'intervals, links, memory',
      `${base}scan_interval: 1s\nrun_ended_after: 1h\nlinks: all\nmemory: 1GiB\n`,
      ['links', 'scan_interval', 'run_ended_after', 'memory'],
      true,
    ],
  ])('are %s', async (_, text, changed, isForSync) => {
    const changes = changesBetween(await load(base), await load(text));
    expect([changes.changed, changes.isForSync, changes.needsRestart]).toEqual([changed, isForSync, []]);
  });

  it('include the log format, which changes only after a restart', async () => {
    expect(changesBetween(await load(base), await load(`${base}log: { format: json }\n`))).toEqual({
      changed: ['log.format'],
      needsRestart: ['log.format'],
      isForSync: false,
    });
  });
});
