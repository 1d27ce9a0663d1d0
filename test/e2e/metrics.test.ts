import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort } from '../crash/watch-kill.ts';
import { AimStub } from '../support/aim-stub/index.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { alerts, dashboardQueries } from '../support/monitoring.ts';
import { prometheusTools, startPrometheus } from '../support/prometheus.ts';
import { realTracker } from '../support/real-tracker.ts';
import { namesIn, seriesIn } from '../support/scrape.ts';
import { endAll, freshDirectory, mustRun, remove, start } from './command.ts';

type Lane = Readonly<Record<string, unknown>> & { readonly name: string };

interface Status {
  readonly ready: boolean;
  readonly lanes: readonly Lane[];
  readonly damage: readonly { readonly reason: string }[];
}

let folder: string;
let mlflow: MlflowStub;
let aim: AimStub;
let port: number;

beforeEach(async () => {
  folder = freshDirectory();
  [mlflow, aim] = [await MlflowStub.start(), await AimStub.start()];
});

afterEach(async () => {
  await endAll();
  expect([mlflow.violations, aim.complaints()]).toEqual([[], []]);
  await mlflow.close();
  await aim.close();
  remove(folder);
});

const scalar = (step: number): Uint8Array => w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] });

/** Watches a whole run and a damaged one with a local lane, MLflow, Aim, and a tracker that nobody started. */
async function watch(): Promise<void> {
  for (const run of ['whole', 'damaged']) {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    const bytes = w.eventFile(...Array.from({ length: 20 }, (_, i) => scalar(i)));
    // In the data of a record in the middle.
    if (run === 'damaged') bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
    writeFileSync(join(folder, 'logs', run, 'events.out.tfevents.1'), bytes);
  }
  const dead = await freePort();
  port = await freePort();
  const lanes = [
    'local: {}',
    `mlflow: { tracking_uri: "${mlflow.url}" }`,
    `aim: { server: "${aim.url}" }`,
    `dead: { type: mlflow, tracking_uri: "http://127.0.0.1:${dead}" }`,
  ];
  writeFileSync(join(folder, 'mirrorboard.yaml'), `roots: [logs]\nlanes:\n${lanes.map((lane) => `  ${lane}\n`).join('')}`);
  start(['watch', '--scan-interval', '0.3', '--listen', `127.0.0.1:${port}`], { cwd: folder });
  await eventually(async () => {
    const { lanes: all, ready } = await status();
    expect(ready).toBe(true);
    for (const lane of all)
      expect([lane.name, lane['lag_bytes'] === 0, lane['state']]).toEqual([lane.name, lane.name !== 'dead', stateOf(lane)]);
  });
}

function stateOf({ name }: Lane): string {
  return name === 'dead' ? 'waiting' : 'active';
}

async function status(): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as Status;
}

async function scrape(accept?: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, accept === undefined ? {} : { headers: { accept } });
  expect(response.status).toBe(200);
  return await response.text();
}

describe('/metrics of a watch', () => {
  it('agree with /status about healthy lanes, one that is down, and damage', async () => {
    await watch();
    const { lanes, damage } = await status();
    const series = seriesIn(await scrape());
    for (const lane of lanes) {
      const of = (name: string, more = ''): number | undefined => series.get(`mirrorboard_lane_${name}{lane="${lane.name}"${more}}`);
      expect({
        name: lane.name,
        points: of('points_total', ',result="accepted"'),
        bytes: of('bytes_total'),
        records: of('records_total'),
        lag_bytes: of('lag_bytes'),
        files_behind: of('files_behind'),
        up: of('up'),
      }).toEqual({
        name: lane.name,
        points: lane['points'],
        bytes: lane['bytes'],
        records: lane['records'],
        lag_bytes: lane['lag_bytes'],
        files_behind: lane['files_behind'],
        up: lane.name === 'dead' ? 0 : 1,
      });
    }
    const requests = (lane: string, code: string): number =>
      series.get(`mirrorboard_lane_requests_total{lane="${lane}",code="${code}"}`) ?? -1;
    expect(series.get('mirrorboard_lane_points_total{lane="mlflow",result="accepted"}')).toBe(39);
    expect(requests('mlflow', '2xx')).toBeGreaterThan(5);
    expect([requests('mlflow', 'none'), requests('mlflow', '5xx'), requests('dead', '2xx')]).toEqual([0, 0, 0]);
    expect(requests('aim', '2xx')).toBeGreaterThan(aim.frames);
    expect(requests('dead', 'none')).toBeGreaterThan(0);
    expect(series.get('mirrorboard_lane_request_duration_seconds_count{lane="dead"}')).toBe(requests('dead', 'none'));
    expect(series.get('mirrorboard_lane_state{lane="dead",state="waiting"}')).toBe(1);
    expect(series.get('mirrorboard_lane_oldest_unsent_timestamp_seconds{lane="dead"}')).toBeGreaterThan(1_700_000_000);
    const places = damage.filter(({ reason }) => reason === 'data_checksum').length;
    expect(places).toBe(1);
    expect(series.get('mirrorboard_damaged_places{reason="data_checksum"}')).toBe(places);
    expect(series.get('mirrorboard_quarantined_records_total{reason="data_checksum"}')).toBe(places);
    expect(series.get('mirrorboard_files')).toBe(2);
    expect(series.get('mirrorboard_roots{state="scanned"}')).toBe(1);
    expect([...series.keys()].filter((name) => /whole|tfevents|logs|loss/.test(name))).toEqual([]);
  });

  it('show the last result of verify while watch continues', async () => {
    await watch();
    const verified = async (lane: string): Promise<readonly unknown[]> => {
      const series = seriesIn(await scrape());
      const name = `{lane="${lane}"}`;
      return [(series.get(`mirrorboard_verify_timestamp_seconds${name}`) ?? 0) > 0, series.get(`mirrorboard_verify_differences${name}`)];
    };
    expect(await verified('local')).toEqual([false, 0]);
    await mustRun(['verify', '--lane', 'local', '--lane', 'mlflow'], { cwd: folder });
    await eventually(async () =>
      expect([await verified('local'), await verified('mlflow')]).toEqual([
        [true, 0],
        [true, 0],
      ]),
    );
    expect(await verified('aim')).toEqual([false, 0]);
    // That a part has no difference proves nothing of the rest.
    const kept = async (lane: string): Promise<unknown> => (await status()).lanes.find(({ name }) => name === lane)?.['verified_at'];
    const [before, other] = [await kept('local'), await kept('mlflow')];
    await mustRun(['verify', '--lane', 'local', '--exclude', 'damaged'], { cwd: folder });
    await mustRun(['verify', '--lane', 'mlflow'], { cwd: folder });
    await eventually(async () => expect(await kept('mlflow')).not.toBe(other));
    expect(await kept('local')).toBe(before);
    const store = new DatabaseSync(join(folder, 'mirrorboard.db'));
    store.exec('PRAGMA busy_timeout = 10000; UPDATE point SET value = 77.5 WHERE rowid = (SELECT min(rowid) FROM point)');
    store.close();
    const { stdout } = await mustRun(['verify', '--lane', 'local', '--json'], { cwd: folder }, 1);
    const { differences } = JSON.parse(stdout) as { readonly differences: number };
    expect(differences).toBeGreaterThan(0);
    await eventually(async () => expect(await verified('local')).toEqual([true, differences]));
    const lane = (await status()).lanes.find(({ name }) => name === 'local');
    expect([typeof lane?.['verified_at'], lane?.['verify_differences']]).toEqual(['string', differences]);
  });
});

describe('--metrics-file', () => {
  it('has the results of a backfill and a verify, and keeps the last success after a failure', async () => {
    const cwd = folder;
    mkdirSync(join(folder, 'logs/run'), { recursive: true });
    mkdirSync(join(folder, 'textfile'));
    const log = join(folder, 'logs/run/events.out.tfevents.1');
    writeFileSync(log, w.eventFile(...Array.from({ length: 20 }, (_, i) => scalar(i))));
    writeFileSync(join(folder, 'mirrorboard.yaml'), `roots: [logs]\nlanes:\n  local: {}\n  mlflow: { tracking_uri: "${mlflow.url}" }\n`);
    const path = join(folder, 'textfile/backfill.prom');
    const read = (file = path): Map<string, number> => seriesIn(readFileSync(file, 'utf8'));
    const job = (name: string): number | undefined => read().get(`mirrorboard_job_${name}{command="backfill"}`);
    const accepted = (lane: string): number | undefined => read().get(`mirrorboard_lane_points_total{lane="${lane}",result="accepted"}`);

    await mustRun(['backfill', '--dry-run', '--metrics-file', path], { cwd });
    expect(existsSync(path)).toBe(false);
    // Whatever the umask: the collector has a user of its own.
    const umask = process.umask(0o077);
    try {
      await mustRun(['backfill', '--metrics-file', path], { cwd });
    } finally {
      process.umask(umask);
    }
    expect([statSync(path).mode & 0o777, readdirSync(join(folder, 'textfile'))]).toEqual([0o644, ['backfill.prom']]);
    expect([accepted('local'), accepted('mlflow'), job('exit_code')]).toEqual([20, 20, 0]);
    expect(read().get('mirrorboard_lane_requests_total{lane="mlflow",code="2xx"}')).toBeGreaterThan(3);
    expect(['local', 'mlflow'].map((lane) => read().get(`mirrorboard_lane_lag_bytes{lane="${lane}"}`))).toEqual([0, 0]);
    const success = job('last_success_timestamp_seconds');
    expect(success).toBeGreaterThanOrEqual(job('start_timestamp_seconds') ?? Number.NaN);

    // A tracker that is away: the store has the point, and what is pending is counted.
    await mlflow.close();
    appendFileSync(log, w.frame(scalar(20)));
    await mustRun(['backfill', '--patience', '5', '--metrics-file', path], { cwd }, 1);
    expect([accepted('local'), accepted('mlflow'), job('exit_code'), job('last_success_timestamp_seconds')]).toEqual([1, 0, 1, success]);
    expect(read().get('mirrorboard_lane_lag_bytes{lane="mlflow"}')).toBeGreaterThan(0);
    expect(read().get('mirrorboard_lane_up{lane="mlflow"}')).toBe(0);

    await mustRun(['backfill', 'nowhere', '--metrics-file', path], { cwd }, 2);
    expect([job('exit_code'), job('last_success_timestamp_seconds'), accepted('local')]).toEqual([2, success, undefined]);

    const verified = join(folder, 'textfile/verify.prom');
    await mustRun(['verify', '--lane', 'local', '--metrics-file', verified], { cwd });
    expect(read(verified).get('mirrorboard_verify_differences{lane="local"}')).toBe(0);
    expect(read(verified).get('mirrorboard_job_exit_code{command="verify"}')).toBe(0);
    // node_exporter refuses a series that two files have.
    expect([...read(verified).keys()].filter((series) => read().has(series))).toEqual([]);
  });

  it('fails before any work if its folder is missing', async () => {
    mkdirSync(join(folder, 'logs'));
    const { stderr } = await mustRun(['backfill', 'logs', '--metrics-file', 'missing/backfill.prom'], { cwd: folder }, 1);
    expect(stderr).toContain('MB3009');
    expect(existsSync(join(folder, 'mirrorboard.db'))).toBe(false);
  });
});

if ((await realTracker('Prometheus', prometheusTools)) !== undefined) {
  describe('a real Prometheus', () => {
    it('takes the metrics in both formats, and answers every query of the dashboard and the alert rules', async () => {
      await watch();
      const prometheus = await startPrometheus(`127.0.0.1:${port}`);
      const instant = async (query: string): Promise<readonly unknown[]> => {
        const { status: word, data, error } = await prometheus.ask('query', { query });
        expect([query, word, error]).toEqual([query, 'success', undefined]);
        return (data as { readonly result: readonly unknown[] }).result;
      };
      try {
        await eventually(async () => expect(await instant('count_over_time(up{job="mirrorboard"}[1m]) > 2 and up == 1')).toHaveLength(1));
        appendFileSync(join(folder, 'logs/whole/events.out.tfevents.1'), w.frame(scalar(20)));
        const metadata = await prometheus.ask('targets/metadata', { match_target: '{job="mirrorboard"}' });
        const kinds = new Map((metadata.data as { metric: string; type: string }[]).map(({ metric, type }) => [metric, type]));
        // It asks for OpenMetrics, where a counter is declared without its suffix.
        expect(kinds.get('mirrorboard_lane_points')).toBe('counter');
        expect(kinds.get('mirrorboard_lane_request_duration_seconds')).toBe('histogram');
        const names = (await prometheus.ask('label/__name__/values')).data as string[];
        expect([...namesIn(await scrape())].filter((name) => !names.includes(name))).toEqual([]);
        const silent: string[] = [];
        for (const query of [...dashboardQueries(), ...alerts().map(({ expr }) => expr)]) {
          if ((await instant(query)).length === 0) silent.push(query);
        }
        // Nothing to see in: lanes that never verified, and alerts that do not fire.
        expect(silent.filter((query) => !/verify_timestamp/.test(query) && dashboardQueries().includes(query))).toEqual([]);
        await eventually(async () => {
          const { groups } = (await prometheus.ask('rules')).data as { groups: { rules: { name: string; health: string }[] }[] };
          const found = groups.flatMap((group) => group.rules);
          expect(found.map(({ name, health }) => `${name} ${health}`)).toEqual(alerts().map(({ alert }) => `${alert} ok`));
        });
        expect(await instant('ALERTS{alertname="MirrorboardLaneDown",lane="dead",alertstate="pending"}')).toHaveLength(1);
      } finally {
        await prometheus.stop();
      }
    });
  });
}
