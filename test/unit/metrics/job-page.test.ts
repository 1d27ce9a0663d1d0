import { describe, expect, it } from '@jest/globals';
import { JobPage } from '../../../src/metrics/index.ts';
import { LaneProgress } from '../../../src/status/index.ts';
import { namesIn, seriesIn } from '../../support/scrape.ts';

const END = { startMs: 1_700_000_000_000, endMs: 1_700_000_060_500 };
const BUILD = { version: '1.2.3', node: 'v24.0.0' };

const textOf = (page: JobPage, exitCode: number, endMs = END.endMs): Promise<string> => page.text({ ...END, endMs, exitCode });

describe('the metrics of a command that ended', () => {
  it('have its exit code and times, and those of the last success from the earlier file', async () => {
    const name = (metric: string): string => `mirrorboard_job_${metric}{command="backfill"}`;
    const first = seriesIn(await textOf(new JobPage('backfill'), 1));
    expect(Object.fromEntries(first)).toEqual({
      [name('exit_code')]: 1,
      [name('start_timestamp_seconds')]: 1_700_000_000,
      [name('end_timestamp_seconds')]: 1_700_000_060.5,
      [name('last_success_timestamp_seconds')]: 0,
    });
    const success = await textOf(new JobPage('backfill'), 0);
    expect(seriesIn(success).get(name('last_success_timestamp_seconds'))).toBe(1_700_000_060.5);
    const failure = seriesIn(await textOf(new JobPage('backfill', success), 130, END.endMs + 1000));
    expect([failure.get(name('exit_code')), failure.get(name('last_success_timestamp_seconds'))]).toEqual([130, 1_700_000_060.5]);
    // Another command's file is no history of this one.
    const other = seriesIn(await textOf(new JobPage('verify', success), 1));
    expect(other.get('mirrorboard_job_last_success_timestamp_seconds{command="verify"}')).toBe(0);
  });

  it('have lanes and requests of a pass, and none of the metrics that only a watch or a process has', async () => {
    const lane = new LaneProgress({ name: 'mlflow', type: 'mlflow', where: 'secret-place' });
    const page = new JobPage('backfill');
    const places = new Map([['data_checksum', 2] as const]);
    const knownDamage = { found: places, places, damagedFiles: 1 };
    const facts = { lanes: [lane], incidentCounts: new Map([['emptied', 1] as const]), silences: [], knownDamage };
    const requests = page.begin(() => facts, BUILD);
    requests.ended('mlflow', 200, 20);
    requests.ended('mlflow', undefined, 30);
    lane.leftOut = 7;
    const text = await textOf(page, 0);
    const series = seriesIn(text);
    expect([
      series.get('mirrorboard_build_info{version="1.2.3",node="v24.0.0"}'),
      series.get('mirrorboard_lane_points_total{lane="mlflow",result="left_out"}'),
      series.get('mirrorboard_lane_requests_total{lane="mlflow",code="2xx"}'),
      series.get('mirrorboard_lane_requests_total{lane="mlflow",code="none"}'),
      series.get('mirrorboard_lane_requests_total{lane="mlflow",code="5xx"}'),
      series.get('mirrorboard_lane_request_duration_seconds_count{lane="mlflow"}'),
      series.get('mirrorboard_lane_up{lane="mlflow"}'),
      series.get('mirrorboard_damaged_places{reason="data_checksum"}'),
      series.get('mirrorboard_damaged_files'),
      series.get('mirrorboard_incidents_total{kind="emptied"}'),
      series.get('mirrorboard_incidents_total{kind="lost"}'),
    ]).toEqual([1, 7, 1, 1, 0, 2, 1, 2, 1, 1, 0]);
    expect([...namesIn(text)].filter((name) => /^(process|nodejs)_|_ready|_scan_|_queue_|_verify_/.test(name))).toEqual([]);
    expect(text).not.toContain('secret');
  });

  it('keep the result of a lane that was not compared this time', async () => {
    const verify = new JobPage('verify');
    verify.verified(
      new Map([
        ['local', { atMs: 5000, differences: 0 }],
        ['mlflow', { atMs: 6000, differences: 3 }],
      ]),
    );
    const before = await textOf(verify, 1);
    const after = new JobPage('verify', before);
    after.verified(new Map([['local', { atMs: 9000, differences: 1 }]]));
    const series = seriesIn(await textOf(after, 1));
    const of = (lane: string): readonly unknown[] => [
      series.get(`mirrorboard_verify_differences{lane="${lane}"}`),
      series.get(`mirrorboard_verify_timestamp_seconds{lane="${lane}"}`),
    ];
    expect([of('local'), of('mlflow')]).toEqual([
      [1, 9],
      [3, 6],
    ]);
    expect([...namesIn(before)].filter((name) => !/^mirrorboard_(job|verify)_/.test(name))).toEqual([]);
  });
});
