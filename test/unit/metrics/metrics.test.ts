import { describe, expect, it } from '@jest/globals';
import type { Handle, Parcel, Refusal } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { METRICS, Metrics, PROCESS_METRICS, wantsOpenMetrics } from '../../../src/metrics/index.ts';
import type { Damage, RunRef } from '../../../src/model/index.ts';
import { WatchStatus } from '../../../src/status/index.ts';
import { clockAt } from '../../support/fake-clock.ts';
import { labelsIn, namesIn, seriesIn } from '../../support/scrape.ts';

const RUN: RunRef = { root: 'secret-root', path: 'secret-run' };
const FILE = 'events.out.tfevents.secret-file';
const OPEN = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

interface Scene {
  readonly status: WatchStatus;
  readonly metrics: Metrics;
  readonly at: (ms: number) => void;
  readonly scrape: (accept?: string) => Promise<ReadonlyMap<string, number>>;
}

function scene(): Scene {
  let now = 1_000_000;
  const lanes = ['local', 'mlflow'].map((name) => ({ name, type: name, where: 'secret-place' }));
  const status = new WatchStatus({ lanes, roots: ['secret-root', 'other-root'], clock: clockAt(() => now) });
  const metrics = new Metrics(status, { version: '1.2.3', node: 'v24.0.0' });
  return {
    status,
    metrics,
    at: (ms) => {
      now = ms;
    },
    scrape: async (accept) => seriesIn((await metrics.render(accept)).text),
  };
}

/** A parcel that brings a file's watermark to `end`. */
function parcel(end: number, damage: readonly Damage[] = [], file = FILE): Parcel {
  const scalars = { count: 1 } as Parcel['batch']['scalars'];
  return {
    handle: '' as Handle,
    batch: { run: RUN, file, generation: 0, start: 0, end, records: 2, newSeries: [], scalars, objects: [], marks: [] },
    state: {
      name: file,
      generation: 0,
      position: { watermark: end, gaps: [] },
      guard: { first: undefined, last: undefined },
      damage,
      size: end,
      stamp: 's',
      records: 2,
    },
  };
}

const scanned = {
  root: 'secret-root',
  directories: 3,
  files: 2,
  tookMs: 40,
  isMissing: false,
  obstacles: [
    { path: 'secret-a', reason: 'EACCES' },
    { path: 'secret-b', reason: 'a link', isLeft: true },
  ],
};

describe('the metrics of a watch', () => {
  it('have a series for every lane and every outcome from the start, 0 at first', async () => {
    const series = await scene().scrape();
    const zero = [
      ...['accepted', 'refused', 'unsupported', 'left_out'].map(
        (result) => `mirrorboard_lane_points_total{lane="mlflow",result="${result}"}`,
      ),
      ...['2xx', '3xx', '4xx', '429', '5xx', 'none'].map((code) => `mirrorboard_lane_requests_total{lane="mlflow",code="${code}"}`),
      ...['data_checksum', 'too_large', 'unreadable'].map((reason) => `mirrorboard_quarantined_records_total{reason="${reason}"}`),
      ...['torn', 'data_checksum'].map((reason) => `mirrorboard_damaged_places{reason="${reason}"}`),
      ...['lost', 'vanished', 'emptied'].map((kind) => `mirrorboard_incidents_total{kind="${kind}"}`),
      ...['bytes_total', 'records_total', 'lag_bytes', 'lag_points', 'files_behind', 'stopped_runs', 'last_success_timestamp_seconds'].map(
        (name) => `mirrorboard_lane_${name}{lane="local"}`,
      ),
      'mirrorboard_lane_request_duration_seconds_count{lane="mlflow"}',
      'mirrorboard_lane_oldest_unsent_timestamp_seconds{lane="mlflow"}',
      'mirrorboard_verify_differences{lane="mlflow"}',
      'mirrorboard_verify_timestamp_seconds{lane="mlflow"}',
      'mirrorboard_scan_duration_seconds_count',
      'mirrorboard_oldest_scan_timestamp_seconds',
      'mirrorboard_queue_bytes',
      'mirrorboard_ready',
    ];
    expect(zero.filter((name) => series.get(name) !== 0)).toEqual([]);
    expect(series.get('mirrorboard_build_info{version="1.2.3",node="v24.0.0"}')).toBe(1);
    expect(series.get('mirrorboard_lane_up{lane="mlflow"}')).toBe(1);
    expect(series.get('mirrorboard_lane_state{lane="mlflow",state="active"}')).toBe(1);
    expect(series.get('mirrorboard_roots{state="unscanned"}')).toBe(2);
    // The local store is no server.
    expect(series.has('mirrorboard_lane_requests_total{lane="local",code="2xx"}')).toBe(false);
  });

  it('are all served, with no others except those of the process', async () => {
    const { metrics } = scene();
    const names = namesIn((await metrics.render(undefined)).text);
    const bases = new Set([...names].map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    expect([...METRICS.map(({ name }) => name), ...PROCESS_METRICS].filter((name) => !bases.has(name))).toEqual([]);
    expect([...bases].filter((name) => !PROCESS_METRICS.includes(name) && !METRICS.some((spec) => spec.name === name))).toEqual([]);
  });

  it('agree with the status document', async () => {
    const { status, scrape, at } = scene();
    const mlflow = status.lane('mlflow');
    status.rootScanned(scanned);
    at(1_010_000);
    for (const lane of status.lanes) lane.fileGrew(RUN, FILE, 500);
    mlflow.wasGiven(10, 100);
    at(1_020_000);
    const refusals: Refusal[] = (['refused', 'refused', 'unsupported'] as const).map((kind, index) => ({
      offset: 0,
      index,
      kind,
      reason: 'no',
    }));
    status.parcelAccepted('local', parcel(500), 7);
    status.parcelAccepted('mlflow', parcel(100), 4, refusals);
    mlflow.leftOut = 3;
    mlflow.runStopped(RUN, new MirrorError('MB4006', 'deleted'));
    mlflow.stalled(new MirrorError('MB4002', 'denied'), 1000, 'parked');
    mlflow.verified = { atMs: 990_000, differences: 5 };
    const series = await scrape();
    const documents = (status.document()['lanes'] as Record<string, unknown>[]).map((lane) => [lane['name'], lane] as const);
    for (const [name, lane] of documents) {
      const one = (metric: string, more = ''): number | undefined => series.get(`mirrorboard_${metric}{lane="${name}"${more}}`);
      const time = (text: unknown): number => (typeof text === 'string' ? Date.parse(text) / 1000 : 0);
      expect({
        points: one('lane_points_total', ',result="accepted"'),
        refused: one('lane_points_total', ',result="refused"'),
        unsupported: one('lane_points_total', ',result="unsupported"'),
        left_out: one('lane_points_total', ',result="left_out"'),
        records: one('lane_records_total'),
        bytes: one('lane_bytes_total'),
        lag_bytes: one('lane_lag_bytes'),
        files_behind: one('lane_files_behind'),
        lag_points_estimate: one('lane_lag_points'),
        lag_since: one('lane_oldest_unsent_timestamp_seconds'),
        last_accepted_at: one('lane_last_success_timestamp_seconds'),
        stopped_runs: one('lane_stopped_runs'),
        up: one('lane_up'),
        state: ['active', 'waiting', 'parked', 'paused'].filter((state) => one('lane_state', `,state="${state}"`) === 1),
        verified_at: one('verify_timestamp_seconds'),
        verify_differences: one('verify_differences'),
      }).toEqual({
        points: lane['points'],
        refused: lane['refused'],
        unsupported: lane['unsupported'],
        left_out: lane['left_out'],
        records: lane['records'],
        bytes: lane['bytes'],
        lag_bytes: lane['lag_bytes'],
        files_behind: lane['files_behind'],
        lag_points_estimate: lane['lag_points_estimate'] ?? 0,
        lag_since: time(lane['lag_since']),
        last_accepted_at: time(lane['last_accepted_at']),
        stopped_runs: (lane['stopped_runs'] as unknown[]).length,
        up: Number(lane['state'] === 'active'),
        state: [lane['state']],
        verified_at: time(lane['verified_at']),
        verify_differences: lane['verify_differences'] ?? 0,
      });
    }
    expect(series.get('mirrorboard_lane_oldest_unsent_timestamp_seconds{lane="mlflow"}')).toBe(1010);
    expect(series.get('mirrorboard_verify_differences{lane="mlflow"}')).toBe(5);
  });

  it('estimate the pending points of a lane only after a byte has proved to contain some', async () => {
    const { status, scrape } = scene();
    const lane = status.lane('mlflow');
    lane.fileGrew(RUN, FILE, 500);
    expect((await scrape()).has('mirrorboard_lane_lag_points{lane="mlflow"}')).toBe(false);
    lane.wasGiven(10, 100);
    expect((await scrape()).get('mirrorboard_lane_lag_points{lane="mlflow"}')).toBe(50);
  });

  it('count scans, roots, files and unreadable entries', async () => {
    const { status, scrape, at } = scene();
    status.rootScanned(scanned);
    at(1_005_000);
    status.rootScanned({ ...scanned, root: 'other-root', tookMs: 2000, isMissing: true, obstacles: [] });
    status.fellSilent({ root: 'other-root', path: '/secret-path', sinceMs: 1 });
    let series = await scrape();
    expect(series.get('mirrorboard_scan_duration_seconds_count')).toBe(2);
    expect(series.get('mirrorboard_scan_duration_seconds_sum')).toBeCloseTo(2.04);
    expect(series.get('mirrorboard_scan_duration_seconds_bucket{le="0.05"}')).toBe(1);
    const of = (name: string) => series.get(`mirrorboard_${name}`);
    expect([of('files'), of('directories'), of('unreadable_paths'), of('paths_not_answering')]).toEqual([4, 6, 1, 1]);
    expect([of('roots{state="scanned"}'), of('roots{state="not_answering"}'), of('roots{state="missing"}')]).toEqual([1, 1, 0]);
    expect(of('oldest_scan_timestamp_seconds')).toBe(1000);
    status.answersAgain({ root: 'other-root', path: '/secret-path' });
    series = await scrape();
    expect([of('roots{state="not_answering"}'), of('roots{state="missing"}')]).toEqual([0, 1]);
  });

  it('count current damage, and damage since the start', async () => {
    const { status, scrape } = scene();
    const bad: Damage = { start: 10, end: 20, reason: 'data_checksum' };
    const torn: Damage = { start: 90, end: 100, reason: 'torn' };
    const counts = async (): Promise<unknown> => {
      const series = await scrape();
      return [
        series.get('mirrorboard_damaged_places{reason="data_checksum"}'),
        series.get('mirrorboard_damaged_places{reason="torn"}'),
        series.get('mirrorboard_quarantined_records_total{reason="data_checksum"}'),
        series.get('mirrorboard_damaged_files'),
      ];
    };
    status.parcelAccepted('local', parcel(90, [bad, torn]), 1);
    // Another lane meets the same.
    status.parcelAccepted('mlflow', parcel(90, [bad, torn]), 1);
    expect(await counts()).toEqual([1, 1, 1, 1]);
    status.parcelAccepted('local', parcel(100, [bad, { ...bad, start: 30, end: 40 }]), 1);
    status.parcelAccepted('local', parcel(50, [torn], 'other'), 1);
    expect(await counts()).toEqual([2, 1, 2, 1]);
    status.parcelAccepted('local', parcel(100), 1);
    expect(await counts()).toEqual([0, 1, 2, 0]);
    status.fileGone('local', RUN, 'other', 0);
    expect(await counts()).toEqual([0, 0, 2, 0]);
  });

  it('count incidents, also those that the document no longer has', async () => {
    const { status, scrape } = scene();
    for (let i = 0; i < 250; i++) status.fileGone('mlflow', RUN, `file ${i}`, 10);
    status.fileRead('local', RUN, FILE, 'replaced');
    const series = await scrape();
    expect(series.get('mirrorboard_incidents_total{kind="lost"}')).toBe(250);
    expect(series.get('mirrorboard_incidents_total{kind="replaced"}')).toBe(1);
  });

  it('count requests by lane and class, with their durations', async () => {
    const { status, scrape } = scene();
    const lane = status.lane('mlflow');
    for (const code of [200, 204, 302, 404, 429, 500, 503, undefined]) lane.requestEnded(code, 300);
    lane.requestEnded(200, 40_000);
    const series = await scrape();
    const requests = ['2xx', '3xx', '4xx', '429', '5xx', 'none'].map((code) =>
      series.get(`mirrorboard_lane_requests_total{lane="mlflow",code="${code}"}`),
    );
    expect(requests).toEqual([3, 1, 1, 1, 2, 1]);
    const duration = 'mirrorboard_lane_request_duration_seconds';
    expect(series.get(`${duration}_count{lane="mlflow"}`)).toBe(9);
    expect(series.get(`${duration}_sum{lane="mlflow"}`)).toBeCloseTo(42.4);
    expect([...series].filter(([name]) => name.includes('le="30"') && name.startsWith(duration)).map(([, value]) => value)).toEqual([8]);
  });

  it('name no run, tag, file or path, and their labels have few values', async () => {
    const { status, metrics } = scene();
    status.rootScanned(scanned);
    for (let i = 0; i < 300; i++) {
      const file = `secret-${i}`;
      status.lane('mlflow').fileGrew(RUN, file, 10);
      status.parcelAccepted('local', parcel(10, [{ start: i, end: i + 1, reason: 'bad_message', detail: `secret-${i}` }], file), 1, [
        { offset: 0, index: 0, kind: 'refused', reason: `secret-${i}` },
      ]);
      status.fileGone('mlflow', RUN, file, 5);
    }
    status.lane('mlflow').stalled(new MirrorError('MB4001', 'secret reason'), 1000);
    for (const accept of [undefined, OPEN]) {
      const { text } = await metrics.render(accept);
      expect(text).not.toContain('secret');
      const labels = labelsIn(text);
      labels.delete('le');
      expect([...labels.keys()].sort()).toEqual(['code', 'kind', 'lane', 'node', 'reason', 'result', 'state', 'type', 'version']);
      for (const values of labels.values()) expect(values.size).toBeLessThanOrEqual(15);
    }
  });

  it('keep their names in both formats, no matter which is requested first', async () => {
    const { metrics, status } = scene();
    status.lane('mlflow').requestEnded(200, 10);
    const total = 'mirrorboard_lane_requests_total{lane="mlflow",code="2xx"}';
    for (const accept of [OPEN, undefined, OPEN, 'text/plain']) {
      const { text, contentType } = await metrics.render(accept);
      const isOpen = accept === OPEN;
      expect(contentType).toBe(
        isOpen ? 'application/openmetrics-text; version=1.0.0; charset=utf-8' : 'text/plain; version=0.0.4; charset=utf-8',
      );
      expect(text.endsWith('# EOF\n')).toBe(isOpen);
      expect(text).toContain(`# TYPE mirrorboard_lane_requests${isOpen ? '' : '_total'} counter`);
      expect(seriesIn(text).get(total)).toBe(1);
      expect(seriesIn(text).get('mirrorboard_lane_records_total{lane="mlflow"}')).toBe(0);
    }
  });

  it('never decrease while the process runs, if they are counters', async () => {
    const { status, scrape } = scene();
    const counters = METRICS.filter(({ kind }) => kind === 'counter').map(({ name }) => name);
    let before = await scrape();
    const steps = [
      () => status.parcelAccepted('mlflow', parcel(100, [{ start: 1, end: 2, reason: 'bad_message' }]), 5),
      () => status.lane('mlflow').requestEnded(500, 1),
      () => status.lane('mlflow').stalled(new MirrorError('MB4001', 'gone'), 1),
      () => status.parcelAccepted('mlflow', parcel(100), 1),
      () => status.fileGone('mlflow', RUN, FILE, 7),
      () => status.lane('mlflow').fileForgotten(RUN, FILE),
      () => status.rootScanned({ ...scanned, files: 0, isEmptied: true }),
    ];
    for (const step of steps) {
      step();
      const now = await scrape();
      const back = [...before].filter(([name, value]) => counters.includes(name.split('{', 1)[0] ?? '') && (now.get(name) ?? -1) < value);
      expect(back).toEqual([]);
      before = now;
    }
  });

  it('find the oldest file of many that are behind', async () => {
    const { status, scrape, at } = scene();
    const lane = status.lane('mlflow');
    for (let i = 0; i < 50_000; i++) {
      at(1_000_000 + i * 10);
      lane.fileGrew(RUN, `${i}`, 10);
    }
    for (let i = 0; i < 49_000; i++) status.parcelAccepted('mlflow', parcel(10, [], `${i}`), 1);
    const series = await scrape();
    expect(series.get('mirrorboard_lane_files_behind{lane="mlflow"}')).toBe(1000);
    expect(series.get('mirrorboard_lane_oldest_unsent_timestamp_seconds{lane="mlflow"}')).toBe(1490);
  });
});

describe('a request for metrics', () => {
  it.each([
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/plain', false],
    [OPEN, true],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text; version=0.0.1', false],
    ['application/openmetrics-text;version="1.0.0";q=0.6,text/plain;q=0.5', true],
    ['application/openmetrics-text;q=0.2,text/plain;q=0.5', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text;q=nonsense', false],
    ['APPLICATION/OpenMetrics-Text;Version=1.0.0', true],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4',
      true,
    ],
  ])('with Accept %j gets OpenMetrics: %j', (accept, isOpen) => {
    expect(wantsOpenMetrics(accept)).toBe(isOpen);
  });
});

it('removes the series of a lane that a reload removed', async () => {
  const { metrics, scrape } = scene();
  const lanes = [{ name: 'local', type: 'local', where: 'here' }];
  metrics.follow(new WatchStatus({ lanes, roots: ['secret-root'], clock: clockAt(() => 2_000_000) }));
  expect([...(await scrape()).keys()].filter((name) => name.includes('mlflow'))).toEqual([]);
});
