// Every command over a tree with many of each, into the local store and into a tracker.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { endAll, freshDirectory, mustRun, type Running, remove, start } from '../e2e/command.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { type ScaleTree, writeScaleTree } from './scale-tree.ts';

export interface ScaleOptions extends ScaleTree {
  /** Whether the tracker gets the many runs, too: each costs some requests. */
  readonly isTrackingRuns: boolean;
  readonly timeoutMs: number;
  readonly say?: (line: string) => void;
}

/** Where the tracker's store is told of so many tags in one request: the requests must grow no faster than the tags. */
const METRICS_PER_REQUEST = 500;

/** Runs every command once; anything but its exit code, or a count that is not that of the tree, is an error. */
export async function runEveryCommand(options: ScaleOptions): Promise<void> {
  const { runs, files, tags, isTrackingRuns, timeoutMs, say = () => undefined } = options;
  const cwd = freshDirectory();
  const stub = await MlflowStub.start();
  try {
    const logs = join(cwd, 'logs');
    writeScaleTree(logs, options);
    const routes = isTrackingRuns ? '' : 'routes: [{ runs: "many-runs/**", lanes: [local] }]\n';
    writeFileSync(
      join(cwd, 'mirrorboard.yaml'),
      `roots: [logs]\nlanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}", experiment_name: scale }\n${routes}`,
    );
    const run = async (...args: readonly string[]): Promise<string> => {
      const startMs = Date.now();
      const { stdout } = await mustRun(args, { cwd, timeoutMs });
      say(`${args.join(' ')}: ${((Date.now() - startMs) / 1000).toFixed(1)} s`);
      return stdout;
    };
    const points = runs + files + tags;
    const all = runs + 2;
    expectPart(await run('backfill', '--dry-run'), `${all.toLocaleString('en-US')} runs`);
    await stopped(start(['watch', '--scan-interval', '1'], { cwd, timeoutMs }), cwd, points);
    await run('backfill');
    expectEqual('points in the tracker', tracked(stub), files + tags + (isTrackingRuns ? runs : 0));
    const most = (files + tags) / METRICS_PER_REQUEST + (5 * files) / 1000 + (isTrackingRuns ? 3 * runs : 0) + 100;
    say(`requests that log metrics: ${stub.counts.get('runs/log-batch') ?? 0}`);
    expectAtMost('requests that log metrics', stub.counts.get('runs/log-batch') ?? 0, most);
    await run('backfill');
    expectEqual('points in the tracker after another pass', tracked(stub), files + tags + (isTrackingRuns ? runs : 0));
    const status = JSON.parse(await run('status', '--json')) as { lanes: { name: string; points: number }[] };
    expectEqual('points in the store', status.lanes.find(({ name }) => name === 'local')?.points ?? 0, points);
    await run('verify');
    expectPart(await run('inspect', 'logs'), `${all.toLocaleString('en-US')} runs`);
    await run('export', '--format', 'csv', '--out', 'all.csv');
    expectEqual('lines of the export', readFileSync(join(cwd, 'all.csv'), 'utf8').split('\n').length - 2, points);
    await run('doctor');
    await run('route', 'many-tags/exp', 'tag 1');
    await run('state', 'show');
    await run('state', 'check');
    await run('state', 'export', '--out', 'state.json');
    await run('migrate', '--from', 'mlflow', '--to', 'local');
    expectEqual('runs that are listed', (JSON.parse(await run('runs', '--json')) as { runs: unknown[] }).runs.length, all);
    expectEqual(
      'runs whose files are gone',
      (JSON.parse(await run('runs', '--in-state', 'gone', '--json')) as { runs: unknown[] }).runs.length,
      0,
    );
    await run('root', 'list');
    await run('root', 'rename', 'logs', 'renamed');
    renameSync(logs, join(cwd, 'moved'));
    await mustRun(['backfill', 'moved'], { cwd, timeoutMs }, 2);
    await run('root', 'move', 'renamed', 'moved');
    await run('backfill', 'moved');
    expectEqual('points in the tracker after the move', tracked(stub), files + tags + (isTrackingRuns ? runs : 0));
    await run('run', 'forget', 'many-runs', '--yes');
    expectEqual('points in the store that are left', pointsIn(join(cwd, 'mirrorboard.db')), files + tags);
  } finally {
    await endAll();
    await stub.close();
    remove(cwd);
  }
}

/** A watch that has mirrored everything ends when it is told to. */
async function stopped(watch: Running, cwd: string, points: number): Promise<void> {
  const store = join(cwd, 'mirrorboard.db');
  while (pointsIn(store) < points) {
    if (watch.child.exitCode !== null) throw new Error(`watch ended: ${(await watch.ended).stderr}`);
    await setTimeout(200);
  }
  watch.child.kill('SIGTERM');
  const { code, stderr } = await watch.ended;
  expectEqual(`exit code of watch (${stderr.slice(-2000)})`, code ?? -1, 0);
}

function pointsIn(store: string): number {
  if (!existsSync(store)) return 0;
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    return Number(db.prepare('SELECT coalesce(sum(points), 0) AS n FROM runs').get()?.['n']);
  } catch {
    // It is being made.
    return 0;
  } finally {
    db.close();
  }
}

function tracked(stub: MlflowStub): number {
  return stub.runs().reduce((sum, run) => sum + stub.points(run).length, 0);
}

function expectEqual(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: found ${found}, wanted ${wanted}`);
}

function expectAtMost(what: string, found: number, most: number): void {
  if (found > most) throw new Error(`${what}: found ${found}, wanted at most ${most}`);
}

function expectPart(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`wanted ${part}, found ${text.slice(-500)}`);
}
