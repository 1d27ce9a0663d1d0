// Every JSON document that mirrorboard writes, as schemas: the package has them in schemas/, and a test holds real
// output against them.
import { z } from 'zod';
import { KINDS } from '../../src/model/index.ts';

const count = z.number().int().nonnegative();
const text = z.string();
const maybe = text.nullable();
/** Beyond 2^53 a step is a text of digits, since readers of JSON take numbers for doubles. */
const step = z.union([z.number().int(), z.string().regex(/^-?\d+$/)]).meta({ description: 'an integer; beyond 2^53 a text of its digits' });
const time = z.string().meta({ description: 'a time in UTC, as in 2026-11-29T21:44:04.027Z' });
const exitCode = z.union([0, 1, 2, 3, 4, 130].map((code) => z.literal(code)));
const facts = z.record(z.string(), z.unknown());
const byKind = z.record(z.string(), count).meta({ description: `a count by kind (${KINDS.join(', ')}) or by plugin` });
const ofRun = { root: text, run: text };
const link = z.object({ ...ofRun, url: text });
const refusedFile = z.object({ ...ofRun, path: text, reason: text });
const obstacle = z.object({ what: text, reason: text });
const unread = z.object({ root: text, path: text, reason: text });
const silence = z.object({ root: text, path: text, since: time });

/** What cannot be read of a file, as it is kept. */
const damage = z.object({
  start: count,
  end: count,
  reason: text,
  detail: text.optional(),
  claim: count.optional(),
  look: z.unknown().optional(),
  zerosFrom: count.optional(),
  needs: count.optional(),
});
const pending = { pending: z.boolean() };

const summary = z.object({
  type: z.literal('summary'),
  interrupted: z.boolean(),
  elapsed_ms: z.number(),
  totals: z.object({
    runs: count,
    files: count,
    files_unchanged: count,
    bytes: count,
    bytes_read: count,
    records: count,
    new_points: count,
    new_points_by_kind: byKind,
    points_before: count,
    files_gone: count,
  }),
  runs: z.array(
    z.object({
      ...ofRun,
      files: count,
      tags: count,
      new_points_by_kind: byKind,
      points_before: count,
      bytes: count,
      last_step: step.nullable(),
    }),
  ),
  damage: z.array(
    z.object({
      ...ofRun,
      file: text,
      start: count,
      end: count,
      bytes: count,
      reason: text,
      detail: text.optional(),
      needs: count.optional(),
      ...pending,
    }),
  ),
  incidents: z.array(z.object({ kind: text, root: text, path: text, reason: text.optional() })),
  lanes: z.array(
    z.object({
      name: text,
      type: text,
      where: text,
      state: z.enum(['done', 'incomplete', 'parked', 'paused', 'stuck', 'interrupted']),
      reason: maybe,
      remedy: maybe,
      new_points: count,
      refused: count,
      refused_in_all: count,
      refusal: maybe,
      refused_files: z.array(refusedFile),
      unsupported_files: z.array(refusedFile),
      unsupported: count,
      left_out: count,
      pending_bytes: count,
      stopped_runs: z.array(z.object({ ...ofRun, reason: text, remedy: maybe })),
      links: z.array(link),
    }),
  ),
  stores: z.array(z.object({ lane: text, where: text, bytes: count })),
});

const plan = z.object({
  type: z.literal('plan'),
  store: z.object({ path: text, exists: z.boolean() }).nullable(),
  totals: z.object({ runs: count, files: count, bytes_to_read: count }),
  runs: z.array(z.object({ ...ofRun, files: count, new_files: count, changed_files: count, bytes: count, bytes_to_read: count })),
  lanes: z.array(
    z.object({
      name: text,
      type: text,
      where: text,
      runs: count,
      runs_to_open: count,
      bytes: count,
      points: z.number(),
      points_left_out: z.number(),
      estimated: z.boolean(),
      sends: count,
      losses: z.array(facts),
      last_points_per_second: z.number().nullable(),
      takes_seconds: z.number().nullable(),
    }),
  ),
  obstacles: z.array(facts),
});

const media = z.object({ named: count, missing: count, changed: count });
const verified = {
  points: count,
  equal: count,
  missing: count,
  extra: count,
  changed: count,
  allowed: count,
  allowed_by: z.object({ step: count, time: count, value: count, not_held: count, merged: count }),
  absent: byKind,
  absent_by: z.object({ no_place: count, left_out: count, refused: count, pending: count, gone: count, foreign: count }),
  refused: count,
  unsupported: count,
  left_out: count,
  not_yet: count,
  pending_bytes: count,
  incomplete_bytes: count,
  damaged_bytes: count,
  listing: count,
  media,
  artifacts: media.extend({ refused: count, unsupported: count }),
  points_not_judged: z.object({ gone: count, replaced: count, stale: count, unreadable: count }),
};

const verification = z.object({
  type: z.literal('verification'),
  lane: text,
  other: maybe,
  where: text,
  interrupted: z.boolean(),
  exit_code: exitCode,
  differences: count,
  sample: z.object({ percent: z.number(), seed: text }).nullable(),
  totals: z.object({ runs: count, ...verified }),
  runs: z.array(z.object({ ...ofRun, ...verified })),
  files_not_compared: z.array(z.object({ ...ofRun, file: text, why: text, reason: maybe })),
  could_not_judge: z.array(obstacle),
  repair: z
    .object({
      gaps: count,
      missing_points: count,
      refused_points: count,
      files_to_resend: z.array(z.object({ ...ofRun, file: text })),
      listings: count,
      media: count,
      artifacts: count,
      left: z.array(obstacle),
    })
    .nullable(),
  writer: maybe,
  next: maybe,
  elapsed_ms: z.number(),
});

const verifications = z.object({
  type: z.literal('verifications'),
  exit_code: exitCode,
  differences: count,
  interrupted: z.boolean(),
  lanes: z.array(verification),
});

const aboutDifference = { lane: text, other: text.optional(), ...ofRun, tag: maybe };
const difference = z.union([
  z.object({ kind: z.literal('media'), ...aboutDifference, path: text, mine: z.unknown(), theirs: z.unknown() }),
  z.object({
    kind: z.literal('artifact'),
    ...aboutDifference,
    what: text,
    name: text,
    mine: z.unknown(),
    theirs: z.unknown(),
    refused: z.unknown().optional(),
  }),
  z.object({ kind: z.literal('listing'), ...aboutDifference, field: text, mine: z.unknown(), theirs: z.unknown() }),
  z.object({
    kind: z.enum(['missing', 'extra', 'changed']),
    ...aboutDifference,
    step,
    wall_time: z.union([z.number(), text]),
    file: maybe,
    offset: count.nullable(),
    index: count.nullable(),
    mine: z.unknown(),
    theirs: z.unknown(),
    their_step: step.optional(),
    their_wall_time: z.union([z.number(), text]).optional(),
  }),
]);

const migration = z.object({
  type: z.literal('migration'),
  from: text,
  to: text,
  may_switch_off: z.boolean(),
  reasons: z.array(z.unknown()),
  losses: z.unknown(),
  accepted_losses: z.array(text),
  not_compared: z.array(z.object({ ...ofRun, points: count, why: text })),
  foreign: facts.nullable(),
  exit_code: exitCode,
  backfill: summary,
  verification: verification.nullable(),
  between: verification.nullable(),
});

const inspection = z.object({
  type: z.literal('inspection'),
  path: text,
  totals: z.object({ runs: count, files: count, bytes: count, points: count }),
  runs: z.array(
    z.object({
      run: text,
      why_empty: maybe,
      files: z.array(
        z.object({
          name: text,
          size: count,
          outcome: text,
          reason: maybe,
          records: count,
          readable_to: count,
          damage: z.array(damage.extend(pending)),
          file_version: maybe,
          writer: maybe,
        }),
      ),
      tags: z.array(z.object({ tag: text, plugin: text, form: text, points: count, first_step: step, last_step: step })),
    }),
  ),
  obstacles: z.array(facts),
  passed_over: z.array(facts),
});

const condition = z.object({
  by: z.enum(['backfill', 'watch']),
  pid: count,
  at: time,
  ended: z.boolean(),
  state: maybe,
  code: maybe,
  reason: maybe,
  remedy: maybe,
  error: z.unknown(),
  stopped_runs: z.unknown(),
});

/** What /status answers, and `watch --json` when it ends: `status --json` has it as `watch.status`. */
const watching = z.object({
  type: z.literal('status'),
  pid: count,
  cwd: text,
  started_at: time.nullable(),
  written_at: time.nullable(),
  ready: z.boolean(),
  config: z
    .object({
      file: text.nullable(),
      loaded_at: time,
      error: z.object({ code: text, message: text, at: time }).nullable(),
      needs_restart: z.array(text),
    })
    .nullable(),
  page: maybe,
  lanes: z.array(z.looseObject({ name: text, type: text })),
  roots: z.array(
    z.object({
      name: text,
      directories: count,
      files: count,
      scanned_at: time.nullable(),
      scan_ms: z.number(),
      missing: z.boolean(),
      never_seen: z.boolean(),
      emptied: z.boolean(),
      notified_directories: count,
      notifications_short: z.unknown(),
      unreadable: z.array(facts),
      not_followed: z.array(facts),
    }),
  ),
  damage: z.array(z.object({ ...ofRun, file: text, start: count, end: count, reason: text, detail: maybe, ...pending })),
  not_answering: z.array(silence),
  incidents: z.unknown(),
});

/** A root of null is the whole lane. */
const paused = z.array(z.object({ root: maybe, since: time })).nullable();

const status = z.object({
  type: z.literal('status'),
  lanes: z.array(
    z.object({
      name: text,
      type: text,
      where: text,
      state: text,
      code: maybe,
      reason: maybe,
      remedy: maybe,
      paused,
      points: count,
      refused: count,
      unsupported: count,
      refused_files: z.array(refusedFile),
      unsupported_files: z.array(refusedFile),
      runs_replaced: count,
      lag_bytes: count,
      lag_points_estimate: z.number().nullable(),
      lag_seconds: z.number(),
      lag_since: time.nullable(),
      runs_behind: count,
      points_per_second: z.number().nullable(),
      catch_up_seconds: z.number().nullable(),
      unanswered_seconds: z.number().nullable(),
      next_try_at: time.nullable(),
      last: condition.nullable(),
      files: z.unknown(),
      links: z.array(link),
      waiting: z.array(text),
    }),
  ),
  watch: z.object({ running: z.boolean(), written_at: time, status: z.unknown() }).nullable(),
  roots: z.array(
    z.object({
      name: text,
      path: text,
      missing: z.boolean(),
      emptied: z.boolean(),
      runs: count,
      files: count,
      files_gone: count,
      files_passed_over: count,
      points: count,
    }),
  ),
  unreadable: z.array(unread),
  not_followed: z.array(unread),
  not_followed_in_all: count,
  not_answering: z.array(silence),
  next: text,
  damage: z.array(z.object({ ...ofRun, file: text, start: count, end: count, reason: text, detail: maybe, ...pending, remedy: maybe })),
});

const roots = z.object({
  type: z.literal('roots'),
  roots: z.array(z.object({ name: text, path: text, runs: count, files: count, points: count, missing: z.boolean(), silent: z.boolean() })),
});
const rootRename = z.object({ type: z.literal('root_rename'), done: z.boolean(), from: text, to: text });
const rootMove = z.object({ type: z.literal('root_move'), done: z.boolean(), root: text, path: text });

const runs = z.object({
  type: z.literal('runs'),
  paused: z.array(z.object({ lane: text, paused })),
  runs: z.array(
    z.object({
      ...ofRun,
      points: count,
      tags: count,
      files: count,
      bytes: count,
      last_step: step.nullable(),
      last_wall_time: z.number().nullable(),
      damaged: z.boolean(),
      kept: z.boolean(),
      lanes: z.array(z.object({ lane: text, state: text, bytes_behind: count, refused: count, refused_files: count, paused: z.boolean() })),
    }),
  ),
});

const forget = z.object({
  type: z.literal('forget'),
  dry_run: z.boolean(),
  done: z.boolean(),
  keep_points: z.boolean(),
  points: count,
  runs: z.array(z.object(ofRun)),
  files: z.array(z.object({ ...ofRun, file: text })),
  still_there: z.array(z.object(ofRun)),
  removals: z.array(z.object({ lane: text, run: text })),
  removed: count,
  left: count,
  staying: z.array(z.object({ lane: text, run: text, reason: text })),
  away: z.array(z.object({ root: text, path: text })),
});

const route = z.object({
  type: z.literal('route'),
  ...ofRun,
  tag: maybe,
  seen: z.array(text),
  series_seen: z.array(text).nullable(),
  lanes: z.array(
    z.object({
      name: text,
      type: text,
      included: z.boolean(),
      because: z.array(text),
      folded_into: maybe,
      tracker_run: z.object({ name: text, experiment: text, joins: maybe, kept: z.boolean(), parent: maybe, tags: facts }).nullable(),
      group: maybe,
      series: z.object({ name: text, every: count, left_out: count.nullable() }).nullable(),
    }),
  ),
});

const state = z.object({
  type: z.literal('state'),
  path: text,
  instance_id: text,
  created_at: time,
  schema_version: count,
  status_written_ms: z.number().nullable(),
  totals: z.object({ runs: count, files: count, series: count }),
  roots: z.array(z.object({ name: text, path: text, runs: count, files: count })),
  lanes: z.array(
    z.object({
      name: text,
      target: text,
      owns_positions: z.boolean(),
      positions: count,
      at_start: count,
      bytes_ahead: count,
      gaps: count,
      points: count,
      handles: count,
      replaced: count,
      refused: count,
      unsupported: count,
      intents: count,
    }),
  ),
  damage: z.array(damage.extend({ ...ofRun, file: text, ...pending })),
  gaps: z.array(z.looseObject({ lane: text, target: text, ...ofRun, file: text })),
  retries: z.array(z.object({ ...ofRun, file: text, attempts: count, next_ms: z.number() })),
});
const lane = z.object({
  type: z.literal('lane'),
  action: z.enum(['pause', 'resume', 'retry']),
  lane: text,
  target: text,
  changed: z.boolean(),
  paused,
  state_in_use: z.boolean(),
});

const stateCheck = z.object({ type: z.literal('state_check'), path: text, valid: z.boolean(), problems: z.array(text) });

const shardFolder = z.object({ folder: text, runs: count, points: count });
const stateSplit = z.object({ type: z.literal('state_split'), shards: z.array(shardFolder) });
const stateMerge = z.object({ type: z.literal('state_merge'), to: text, runs: count, points: count });

/** Rows of a lane name it by its place in `lanes`. */
const ofLane = { lane: count };
const stateExport = z.object({
  format: z.literal('mirrorboard.state'),
  version: count,
  meta: z.record(z.string(), text),
  status: z.unknown(),
  tasks: z.array(facts),
  roots: z.array(z.object({ name: text, path: text })),
  lanes: z.array(
    z.object({
      name: text,
      target: text,
      owns_positions: z.boolean(),
      stand: z.unknown(),
      verified: z.object({ at_ms: z.number(), differences: count }).nullable(),
      paused: z.array(z.object({ root: maybe, since_ms: z.number() })),
    }),
  ),
  runs: z.array(
    z.object({
      ...ofRun,
      grown_ms: z.number().nullable(),
      series: z.array(z.looseObject({ id: count, tag: text, plugin: text, metadata: text })),
      files: z.array(
        z.looseObject({
          name: text,
          generation: count,
          read_to: count,
          size: count,
          guard: z.unknown(),
          damage: z.array(damage),
          retry: z.object({ attempts: count, next_ms: z.number() }).nullable(),
          positions: z.array(z.looseObject({ ...ofLane, gaps: z.array(z.unknown()), last: z.unknown() })),
          refusals: z.array(z.looseObject({ ...ofLane, generation: count, offset: count, idx: count, kind: text, reason: text })),
        }),
      ),
      delivered: z.array(z.looseObject({ ...ofLane, points: count, last_step: step.nullable() })),
      handles: z.array(z.looseObject({ ...ofLane, handle: text })),
      mappings: z.array(z.looseObject({ ...ofLane, mapping: z.unknown() })),
      side: z.array(z.looseObject({ ...ofLane, path: text, rule: text, outcome: z.unknown() })),
      journal: z.array(z.looseObject({ ...ofLane, first_line: count, count })),
      intents: z.array(z.looseObject({ ...ofLane, intent: z.unknown() })),
    }),
  ),
});

const finding = z.looseObject({
  area: text,
  name: text,
  state: z.enum(['ok', 'note', 'problem', 'unreachable']),
  text,
  more: z.array(text),
  hint: maybe,
});
const configCheck = z.object({
  type: z.literal('config_check'),
  file: maybe,
  profile: maybe,
  online: z.boolean(),
  checks: z.array(finding),
  exit_code: exitCode,
});
const config = z.object({
  type: z.literal('config'),
  file: maybe,
  profile: maybe,
  values: z.array(z.object({ key: text, value: z.unknown(), source: text, in_use: z.literal(false).optional() })),
});
const doctor = z.object({ type: z.literal('doctor'), findings: z.array(finding), exit_code: exitCode });
const tensorboard = z.object({ type: z.literal('tensorboard'), address: text, command: z.array(text) });
const page = z.object({ type: z.literal('page'), url: text, api: text, store: text, state: text });
const init = z.object({ type: z.literal('init'), file: text, roots: z.array(text) });

const code = z.string().regex(/^MB\d{4}$/);
const errorCode = z.object({
  type: z.literal('error_code'),
  code,
  title: text,
  exit_code: exitCode,
  means: maybe,
  usual_cause: maybe,
  what_to_do: maybe,
  text,
});
const errorCodes = z.object({ type: z.literal('error_codes'), codes: z.array(z.object({ code, title: text, exit_code: exitCode })) });
const error = z.object({ type: z.literal('error'), code, message: text, hint: maybe, command: maybe, context: facts, exit_code: exitCode });

const exact = z.union([z.number(), text]).meta({ description: 'a number, or a text: "NaN", "Infinity", "-Infinity", digits beyond 2^53' });
const truth = z.object({
  format: z.literal(1),
  runs: z.record(
    text,
    z.object({
      files: z.array(z.object({ name: text, bytes: count, records: count, good_bytes: count, damage: z.array(damage) })),
      tags: z.record(
        text,
        z.object({
          plugin: text,
          data_class: text,
          display_name: text.optional(),
          description: text.optional(),
          points: z.array(z.tuple([step, exact, z.unknown()])),
        }),
      ),
    }),
  ),
});

/** A document: what writes it, and its form. */
export interface Document {
  /** The command, as it is typed; several may write the same. */
  readonly from: string;
  readonly meaning: string;
  readonly schema: z.ZodType;
}

/** By the name of the file in schemas/. */
export const DOCUMENTS: Readonly<Record<string, Document>> = {
  summary: { from: 'backfill', meaning: 'what a backfill did', schema: summary },
  plan: { from: 'backfill --dry-run', meaning: 'what a backfill would do', schema: plan },
  'watch-status': { from: 'watch', meaning: 'what `/status` answers, and what `watch` writes when it ends', schema: watching },
  verification: { from: 'verify', meaning: 'a lane compared with the event files, or with another lane', schema: verification },
  verifications: { from: 'verify', meaning: 'several lanes compared', schema: verifications },
  difference: { from: 'verify --report', meaning: 'a line for each difference', schema: difference },
  migration: { from: 'migrate', meaning: 'if a lane can replace another', schema: migration },
  inspection: { from: 'inspect', meaning: 'what event files hold', schema: inspection },
  status: { from: 'status', meaning: 'how far each lane is', schema: status },
  roots: { from: 'root list', meaning: 'the mirrored log directories', schema: roots },
  'root-rename': { from: 'root rename', meaning: 'a root with another name', schema: rootRename },
  'root-move': { from: 'root move', meaning: 'a root in another place', schema: rootMove },
  runs: { from: 'runs', meaning: 'the mirrored runs', schema: runs },
  forget: { from: 'root forget', meaning: 'what was forgotten, or would be', schema: forget },
  route: { from: 'route', meaning: 'which lanes get a run or a series', schema: route },
  lane: { from: 'lane pause, lane resume, lane retry', meaning: 'what of a lane is paused', schema: lane },
  state: { from: 'state show', meaning: 'what the state holds', schema: state },
  'state-check': { from: 'state check', meaning: 'if the state is valid', schema: stateCheck },
  'state-export': { from: 'state export', meaning: 'the whole state', schema: stateExport },
  'state-split': { from: 'state split', meaning: 'what each shard got', schema: stateSplit },
  'state-merge': { from: 'state merge', meaning: 'what was merged', schema: stateMerge },
  'config-check': { from: 'config check', meaning: 'if the configuration is valid', schema: configCheck },
  config: { from: 'config show', meaning: 'every setting and its source', schema: config },
  doctor: { from: 'doctor', meaning: 'what was checked', schema: doctor },
  tensorboard: { from: 'tensorboard', meaning: 'where TensorBoard gets its data, and the command that starts it', schema: tensorboard },
  page: { from: 'page', meaning: 'where the page and the API are, written when they can be asked', schema: page },
  init: { from: 'init', meaning: 'the configuration that was created', schema: init },
  'error-code': { from: 'explain CODE', meaning: 'an error code', schema: errorCode },
  'error-codes': { from: 'explain', meaning: 'all error codes', schema: errorCodes },
  error: { from: 'every command', meaning: 'a failure', schema: error },
  truth: { from: 'export, inspect --format json', meaning: 'every point, in the truth format', schema: truth },
};

/** The JSON Schema of a document; a closed one refuses fields that it does not name, as the published ones never do. */
export function jsonSchemaOf(name: string, isClosed = false): object {
  const { schema, from, meaning } = DOCUMENTS[name]!;
  const made = z.toJSONSchema(schema, { io: 'output' });
  const title = `mirrorboard ${name}`;
  return { ...(isClosed ? made : (opened(made) as object)), title, description: `${meaning}: ${from}` };
}

function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, one]) => !(key === 'additionalProperties' && one === false));
  return Object.fromEntries(entries.map(([key, one]) => [key, opened(one)]));
}
