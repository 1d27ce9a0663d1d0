/** Defines every metric: its name, its meaning, and the source of its values. docs/metrics.md has the same table. */
import type { DamageReason } from '../model/index.ts';
import type { Incident, LaneCondition, LaneProgress, LiveFacts, RootCondition, WatchStatus } from '../status/index.ts';

/** The kind of a metric: a counter only grows while the process lives. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** A command that ended. */
export interface JobFacts {
  readonly command: string;
  readonly exitCode: number;
  /** The start, by the wall clock, like the others. */
  readonly startMs: number;
  readonly endMs: number;
  /** The time when this run or an earlier one last succeeded; undefined: no success is known. */
  readonly successMs: number | undefined;
}

/** A value and its labels. */
export type MetricSample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One metric. */
export interface MetricSpec {
  readonly name: string;
  readonly kind: MetricKind;
  readonly labels: readonly string[];
  /** The help text, one sentence, as in the answer. */
  readonly help: string;
  /** Returns every series with its current value, zeros included. Missing: values are counted when things happen. */
  readonly read?: (status: WatchStatus) => Iterable<MetricSample>;
  /** Returns the values of a pass that ended. Missing: only a watch has it, or it is counted when things happen. */
  readonly readPass?: (pass: LiveFacts) => Iterable<MetricSample>;
  /** Returns the values of a command that ended. */
  readonly readJob?: (job: JobFacts) => Iterable<MetricSample>;
  /** The upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** The results of a request, by its HTTP status. */
export const REQUEST_CODES = ['2xx', '3xx', '4xx', '429', '5xx', 'none'] as const;

/** Returns the label of a status; undefined: there was no answer. */
export function codeOf(status: number | undefined): (typeof REQUEST_CODES)[number] {
  if (status === undefined) return 'none';
  if (status === 429) return '429';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}

const LANE_STATES: Readonly<Record<LaneCondition, true>> = { active: true, waiting: true, parked: true, paused: true };

/** The reasons of damage, without ends that are still being written. */
const DAMAGE: Readonly<Record<Exclude<DamageReason, 'torn' | 'zeros' | 'cut'>, true>> = {
  length_checksum: true,
  data_checksum: true,
  bad_message: true,
  false_length: true,
  too_large: true,
  not_event_file: true,
  unreadable: true,
};

/** The reasons of damage, with ends that are still being written. */
const PLACES: Readonly<Record<DamageReason, true>> = { ...DAMAGE, torn: true, zeros: true, cut: true };

const INCIDENTS: Readonly<Record<Incident['kind'], true>> = {
  vanished: true,
  unreadable: true,
  silent: true,
  replaced: true,
  shortened: true,
  folder: true,
  link: true,
  lost: true,
  emptied: true,
  store: true,
  moved: true,
};

const ROOT_STATES: Readonly<Record<RootCondition, true>> = {
  scanned: true,
  unscanned: true,
  missing: true,
  emptied: true,
  not_answering: true,
};

/** All our metrics, in the order in which they are served. */
export const METRICS: readonly MetricSpec[] = [
  {
    name: 'mirrorboard_build_info',
    kind: 'gauge',
    labels: ['version', 'node'],
    help: 'The version of mirrorboard and of Node; the value is always 1.',
  },
  single('mirrorboard_ready', '1 if /readyz answers 200, otherwise 0.', ({ isReady }) => Number(isReady)),
  ofLanes('mirrorboard_lane_info', 'gauge', 'The type of a lane; the value is always 1.', ['type'], ({ type }) => [[{ type }, 1]]),
  perLane('mirrorboard_lane_up', 'gauge', '1 if the lane is active, 0 while it waits to retry, or is parked or paused.', ({ state }) =>
    Number(state === 'active'),
  ),
  ofLanes('mirrorboard_lane_state', 'gauge', 'The state of a lane: 1 for the current state, 0 for the others.', ['state'], (lane) =>
    Object.keys(LANE_STATES).map((state) => [{ state }, Number(lane.state === state)]),
  ),
  ofLanes(
    'mirrorboard_lane_points_total',
    'counter',
    'Points read for a lane: accepted, refused, unsupported, or excluded by routes.',
    ['result'],
    ({ points, refused, unsupported, leftOut }) =>
      Object.entries({ accepted: points, refused, unsupported, left_out: leftOut }).map(([result, count]) => [{ result }, count]),
  ),
  perLane('mirrorboard_lane_records_total', 'counter', 'Records of event files that the lane has processed.', ({ records }) => records),
  perLane('mirrorboard_lane_bytes_total', 'counter', 'Bytes of event files that the lane has processed.', ({ bytes }) => bytes),
  perLane('mirrorboard_lane_lag_bytes', 'gauge', 'Bytes of event files that are pending for the lane.', ({ lagBytes }) => lagBytes),
  ofLanes(
    'mirrorboard_lane_lag_points',
    'gauge',
    'Points that are pending for the lane, estimated from its bytes per point so far. Absent until the first points are read.',
    [],
    ({ lagPoints, lagBytes }) => (lagPoints === undefined && lagBytes > 0 ? [] : [[{}, lagPoints ?? 0]]),
  ),
  perLane(
    'mirrorboard_lane_files_behind',
    'gauge',
    'Event files with data that is pending for the lane.',
    ({ filesBehind }) => filesBehind,
  ),
  perLane(
    'mirrorboard_lane_oldest_unsent_timestamp_seconds',
    'gauge',
    'When mirrorboard could first see the oldest pending byte of the lane. 0 if nothing is pending.',
    ({ lagSinceWallMs }) => seconds(lagSinceWallMs),
  ),
  perLane(
    'mirrorboard_lane_last_success_timestamp_seconds',
    'gauge',
    'When the lane last accepted data. 0 if it has accepted none since the start.',
    ({ acceptedWallMs }) => seconds(acceptedWallMs),
  ),
  perLane('mirrorboard_lane_stopped_runs', 'gauge', 'Runs that the tracker no longer accepts.', ({ stoppedRuns }) => stoppedRuns.size),
  {
    name: 'mirrorboard_lane_requests_total',
    kind: 'counter',
    labels: ['lane', 'code'],
    help: 'Requests to the tracker of the lane, by class of HTTP status; none: no answer.',
  },
  {
    name: 'mirrorboard_lane_request_duration_seconds',
    kind: 'histogram',
    labels: ['lane'],
    help: 'Duration of a request to the tracker of the lane, including its answer.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  },
  ofAll(
    'mirrorboard_quarantined_records_total',
    'counter',
    'Damaged byte ranges found in event files since the start.',
    'reason',
    (status) => counts(DAMAGE, (reason) => status.knownDamage.found.get(reason)),
  ),
  ofAll(
    'mirrorboard_damaged_places',
    'gauge',
    'Byte ranges that cannot be read now, in event files read since the start. torn, zeros and cut are normal while a file is written.',
    'reason',
    (status) => counts(PLACES, (reason) => status.knownDamage.places.get(reason)),
  ),
  ofPasses(
    'mirrorboard_damaged_files',
    'Event files with damage, of those read since the start.',
    ({ knownDamage }) => knownDamage.damagedFiles,
  ),
  ofAll('mirrorboard_incidents_total', 'counter', 'Incidents of files and directories, by kind.', 'kind', (status) =>
    counts(INCIDENTS, (kind) => status.incidentCounts.get(kind)),
  ),
  {
    name: 'mirrorboard_roots',
    kind: 'gauge',
    labels: ['state'],
    help: 'Log directories, by state.',
    read: ({ rootConditions }) => Object.keys(ROOT_STATES).map((state) => [{ state }, rootConditions.get(state as RootCondition) ?? 0]),
  },
  single('mirrorboard_files', 'Event files that the last scans found.', ({ roots }) => sum(roots, ({ files }) => files)),
  single('mirrorboard_directories', 'Directories that the last scans found.', ({ roots }) => sum(roots, ({ directories }) => directories)),
  single('mirrorboard_unreadable_paths', 'Files and directories that the last scans could not read.', ({ roots }) =>
    sum(roots, ({ unreadable }) => unreadable),
  ),
  ofPasses('mirrorboard_paths_not_answering', 'Paths whose file system does not answer.', ({ silences }) => silences.length),
  {
    name: 'mirrorboard_scan_duration_seconds',
    kind: 'histogram',
    labels: [],
    help: 'Duration of the scan of a log directory.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900],
  },
  single(
    'mirrorboard_oldest_scan_timestamp_seconds',
    'When the least recently scanned log directory was last scanned. 0 until each was scanned once.',
    ({ oldestScanMs }) => seconds(oldestScanMs),
  ),
  single('mirrorboard_queue_bytes', 'Bytes of decoded points that are cached for other lanes.', (status) => status.queueBytes()),
  verified('mirrorboard_verify_differences', 'Differences that the last verify found in a lane.', (lane) => lane?.differences ?? 0),
  verified('mirrorboard_verify_timestamp_seconds', 'When the last verify of the lane ended. 0 if the state has no result.', (lane) =>
    seconds(lane?.atMs),
  ),
];

/** The metrics that only a file has: about the command that wrote it. */
export const JOB_METRICS: readonly MetricSpec[] = [
  ofJob('exit_code', 'The exit code of the last run of the command.', ({ exitCode }) => exitCode),
  ofJob('start_timestamp_seconds', 'When the last run of the command began.', ({ startMs }) => seconds(startMs)),
  ofJob('end_timestamp_seconds', 'When the last run of the command ended.', ({ endMs }) => seconds(endMs)),
  ofJob(
    'last_success_timestamp_seconds',
    'When a run of the command last ended with exit code 0. 0 if the file has recorded none.',
    ({ successMs }) => seconds(successMs),
  ),
];

/** The served metrics among those that the client library has of every process. */
export const PROCESS_METRICS: readonly string[] = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_max_seconds',
  'nodejs_eventloop_lag_p50_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
  'nodejs_heap_size_total_bytes',
  'nodejs_external_memory_bytes',
];

function single(name: string, help: string, read: (status: WatchStatus) => number): MetricSpec {
  return { name, kind: 'gauge', labels: [], help, read: (status) => [[{}, read(status)]] };
}

function ofPasses(name: string, help: string, read: (status: LiveFacts) => number): MetricSpec {
  return { ...single(name, help, read), readPass: (pass) => [[{}, read(pass)]] };
}

function ofAll(
  name: string,
  kind: MetricKind,
  help: string,
  label: string,
  read: (status: LiveFacts) => Record<string, number>,
): MetricSpec {
  const samples = (status: LiveFacts): MetricSample[] => Object.entries(read(status)).map(([key, n]) => [{ [label]: key }, n]);
  return { name, kind, labels: [label], help, read: samples, readPass: samples };
}

function ofLanes(
  name: string,
  kind: MetricKind,
  help: string,
  labels: readonly string[],
  read: (lane: LaneProgress) => readonly MetricSample[],
): MetricSpec {
  const samples = (lane: LaneProgress): MetricSample[] => read(lane).map(([own, value]) => [{ lane: lane.name, ...own }, value]);
  const all = ({ lanes }: LiveFacts): MetricSample[] => lanes.flatMap(samples);
  return { name, kind, labels: ['lane', ...labels], help, read: all, readPass: all };
}

function perLane(name: string, kind: MetricKind, help: string, read: (lane: LaneProgress) => number): MetricSpec {
  return ofLanes(name, kind, help, [], (lane) => [[{}, read(lane)]]);
}

/** Returns a metric that `verify` writes itself: a pass does not know it. */
function verified(name: string, help: string, read: (lane: LaneProgress['verified']) => number): MetricSpec {
  return {
    name,
    kind: 'gauge',
    labels: ['lane'],
    help,
    read: ({ lanes }) => lanes.map((lane) => [{ lane: lane.name }, read(lane.verified)]),
  };
}

function ofJob(name: string, help: string, read: (job: JobFacts) => number): MetricSpec {
  const samples = (job: JobFacts): MetricSample[] => [[{ command: job.command }, read(job)]];
  return { name: `mirrorboard_job_${name}`, kind: 'gauge', labels: ['command'], help, readJob: samples };
}

/** Returns one number per key, 0 if there is none. */
function counts<Key extends string>(keys: Readonly<Record<Key, true>>, of: (key: Key) => number | undefined): Record<string, number> {
  return Object.fromEntries((Object.keys(keys) as Key[]).map((key) => [key, of(key) ?? 0]));
}

function sum<Item>(items: ReadonlyMap<string, Item>, of: (item: Item) => number): number {
  let total = 0;
  for (const item of items.values()) total += of(item);
  return total;
}

/** Converts milliseconds to a time for Prometheus; 0: never. */
function seconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.round(ms) / 1000;
}
