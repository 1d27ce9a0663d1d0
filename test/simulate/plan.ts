// What happens in a history: the same for the same seed. Faults are a list, so that a shrinker can leave some out.
import type { LaneRule } from './lane-rules.ts';
import { Seeded } from './seeded.ts';
import type { Mood, RequestFault, TrackerKind, Traits } from './tracker-traits.ts';
import type { Unmounted } from './virtual-files.ts';

/** A program that writes one event file after the other into a run. */
export interface WriterPlan {
  readonly name: string;
  readonly run: string;
  /** The root it writes below, by its place in the list. Default: the first. */
  readonly root?: number;
  readonly beginsMs: number;
  /** Times of its flushes. */
  readonly flushesMs: readonly number[];
}

/** Something that goes wrong, or that a person does. */
export type Fault = {
  readonly atMs: number;
} /** After some crossings of the border; 0: when a tracker next takes what is written to it. */ & (
  | { readonly kind: 'kill'; readonly afterSteps: number; readonly losesCommits: number; readonly losesState: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'mood'; readonly lane: string; readonly mood: Mood; readonly forMs: number }
  | {
      readonly kind: 'requests';
      readonly lane: string;
      readonly share: number;
      readonly faults: readonly RequestFault[];
      readonly forMs: number;
    }
  | { readonly kind: 'deleteRun'; readonly lane: string; readonly forMs: number }
  | { readonly kind: 'fullDisk'; readonly what: 'state' | 'store' | 'both'; readonly forMs: number }
  | { readonly kind: 'setClock'; readonly byMs: number }
  | { readonly kind: 'unmount'; readonly how: Unmounted; readonly forMs: number }
  | { readonly kind: 'unreadableFile'; readonly code: string; readonly forMs: number }
  | { readonly kind: 'unreadableBytes'; readonly forMs: number }
  | { readonly kind: 'hang'; readonly isWhole: boolean; readonly forMs: number }
  | { readonly kind: 'unreadableDirectory'; readonly forMs: number }
  | { readonly kind: 'damage'; readonly forMs: number }
  | { readonly kind: 'replace'; readonly isInPlace: boolean }
  | { readonly kind: 'empty' }
  | { readonly kind: 'copyOver' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'tear'; readonly goesOn: boolean }
  | { readonly kind: 'renameRun' }
  | { readonly kind: 'exchange'; readonly forMs: number }
  | { readonly kind: 'swapRuns' }
  | { readonly kind: 'link' }
  | { readonly kind: 'temporaryName' }
);

/** One lane of a history. */
export interface LanePlan {
  readonly name: string;
  readonly kind: TrackerKind;
  readonly mostLatencyMs: number;
  /** What sets its tracker apart. Default: nothing. */
  readonly traits?: Partial<Traits>;
  /** Its routes and folds. Default: it gets everything. */
  readonly rules?: readonly LaneRule[];
}

/** The whole of a history. */
export interface Plan {
  readonly seed: string;
  readonly hasStore: boolean;
  /** How many roots there are. Default: one. */
  readonly roots?: number;
  readonly lanes: readonly LanePlan[];
  readonly scanIntervalMs: number;
  readonly runEndedAfterMs: number;
  readonly slackMs: number;
  /** The share of reads that give fewer bytes than they could. */
  readonly shortReads: number;
  readonly writers: readonly WriterPlan[];
  readonly faults: readonly Fault[];
  /** A lane that takes nothing until all faults end: the others must not wait for it. */
  readonly besieged: string | undefined;
  /** True if calls to one file do not return until all faults end: all else must arrive meanwhile. Default: false. */
  readonly isFileSiege?: boolean;
  /** When writers and faults stop. */
  readonly healMs: number;
}

const KINDS: readonly TrackerKind[] = ['replacing', 'journalled', 'merging'];
const RUNS = ['a', 'a/train', 'a/val', 'b', 'group/c', 'ü d'];

/** A siege lasts long enough for every timeout to come, and writers end before it does. */
const SIEGE_MS = 100_000;
const SIEGE_WRITES_MS = 60_000;
/** What hung a thread is left alone after a while, and what waited behind it is read later. */
const FILE_SIEGE_MS = 240_000;
const FAST_MS = 50;
/** Some last for hours. */
const LONG_SIEGE_MS = 2 * 3_600_000;
const LONG_SLACK_MS = 20_000;

/** The share of histories in which runs change places. */
const SWAPS = 0.06;

/** Makes the plan of a seed. */
export function planOf(seed: string): Plan {
  const random = new Seeded(`${seed}/plan`);
  const healMs = random.int(15, 75) * 1000;
  const lanes = KINDS.filter(() => random.chance(0.55)).map((kind) => laneOf(random, kind));
  const hasStore = lanes.length === 0 || random.chance(0.6);
  const roots = random.chance(0.25) ? 2 : 1;
  const writers = Array.from({ length: random.int(1, 4) }, (_, i): WriterPlan => {
    const beginsMs = random.int(0, healMs / 2);
    const flushes = Array.from({ length: random.int(2, 8) }, () => random.int(beginsMs, healMs)).sort((a, b) => a - b);
    return { name: `writer ${i + 1}`, run: random.pick(RUNS), root: random.int(0, roots - 1), beginsMs, flushesMs: flushes };
  });
  const common = { seed, hasStore, roots, lanes, writers, healMs };
  if (lanes.length > 0 && (lanes.length > 1 || hasStore) && random.chance(0.06)) return siegeOf(random, common);
  if (random.chance(0.03)) return fileSiegeOf(random, common);
  const faults = Array.from({ length: random.int(0, 8) }, () => faultsOf(random, common))
    .flat()
    // Of a world of their own, so that they change no other history.
    .concat(swapsOf(seed, healMs))
    .filter(({ kind }) => (kind !== 'renameRun' && kind !== 'swapRuns') || !common.lanes.some(isAboutPaths))
    .sort((a, b) => a.atMs - b.atMs);
  return {
    ...common,
    besieged: undefined,
    scanIntervalMs: random.pick([2000, 10_000, 30_000]),
    runEndedAfterMs: random.pick([20_000, 120_000, 1_800_000]),
    slackMs: random.pick([1, 500, 1000, 2000, 3000]),
    shortReads: random.pick([0, 0, 0.3]),
    faults,
  };
}

/** True if a lane's rules are about paths: runs that move from or to such a path are not simulated. */
function isAboutPaths({ rules = [] }: LanePlan): boolean {
  return rules.some(({ kind }) => kind === 'folds' || kind === 'leavesOut');
}

/** A lane whose tracker may be unlike others, with or without rules of its own. */
function laneOf(random: Seeded, kind: TrackerKind): LanePlan {
  const plain = { name: kind, kind, mostLatencyMs: random.pick([5, 50, 800]) };
  const traits = random.chance(0.5) ? undefined : traitsFor(random, kind);
  const rules = random.chance(0.75) ? undefined : rulesFor(random);
  return { ...plain, ...(traits === undefined ? {} : { traits }), ...(rules === undefined ? {} : { rules }) };
}

function traitsFor(random: Seeded, kind: TrackerKind): Partial<Traits> {
  // Lines cannot be left out, and whose they are must be asked.
  const isOfLines = kind === 'journalled';
  return {
    lateMs: random.pick([0, 3000, 20_000]),
    mostPoints: random.pick([Number.MAX_SAFE_INTEGER, 20, 5, 1]),
    refuses: isOfLines ? 'nothing' : random.pick(['nothing', 'nothing', 'tag', 'values', 'furtherTags'] as const),
    pageSize: random.pick([1000, 20, 3]),
    isOld: !isOfLines && random.chance(0.2),
    hasNoTimeout: random.chance(0.3),
  };
}

function rulesFor(random: Seeded): LaneRule[] {
  const all: readonly LaneRule[] = [
    { kind: 'drops', tag: 'acc' },
    { kind: 'thins', tag: 'lr/a', every: random.int(2, 3) },
    { kind: 'renames', tag: 'loss', to: 'the loss' },
    { kind: 'leavesOut', run: random.pick(RUNS) },
    { kind: 'folds', name: random.pick(['train', 'val']) },
  ];
  return all.filter(() => random.chance(0.5));
}

/** A plan in which one tracker does not work, and nothing else goes wrong. */
function siegeOf(random: Seeded, common: Pick<Plan, 'seed' | 'hasStore' | 'roots' | 'lanes' | 'writers'>): Plan {
  const besieged = random.pick(common.lanes).name;
  const mood = random.pick(['down', 'hanging', 'mute', 'denying', 'busy'] as const);
  const patience = { hasNoTimeout: random.chance(0.5) };
  const isLong = random.chance(0.2);
  const forMs = isLong ? LONG_SIEGE_MS : SIEGE_MS;
  return {
    ...common,
    lanes: common.lanes.map((lane) => ({ ...lane, mostLatencyMs: 20, ...(lane.name === besieged ? { traits: patience } : {}) })),
    writers: common.writers.map(beforeSiegesEnd),
    besieged,
    scanIntervalMs: 2000,
    runEndedAfterMs: 1_800_000,
    slackMs: isLong ? LONG_SLACK_MS : 1000,
    shortReads: 0,
    faults: [{ atMs: random.int(0, 20_000), kind: 'mood', lane: besieged, mood, forMs }],
    healMs: forMs,
  };
}

/** A plan in which calls to one file do not return, and nothing else goes wrong. */
function fileSiegeOf(random: Seeded, common: Pick<Plan, 'seed' | 'hasStore' | 'roots' | 'lanes' | 'writers'>): Plan {
  return {
    ...common,
    // A slow tracker that takes one point at a time is not done before the end of the siege.
    lanes: common.lanes.map((lane) => ({ ...lane, mostLatencyMs: Math.min(lane.mostLatencyMs, FAST_MS) })),
    writers: common.writers.map(beforeSiegesEnd),
    besieged: undefined,
    isFileSiege: true,
    scanIntervalMs: 2000,
    runEndedAfterMs: 1_800_000,
    slackMs: random.pick([1, 1000]),
    shortReads: 0,
    faults: [{ atMs: random.int(1000, 50_000), kind: 'hang', isWhole: false, forMs: FILE_SIEGE_MS }],
    healMs: FILE_SIEGE_MS,
  };
}

function beforeSiegesEnd(writer: WriterPlan): WriterPlan {
  return { ...writer, flushesMs: writer.flushesMs.map((ms) => Math.min(ms, SIEGE_WRITES_MS)) };
}

/** Some histories in which runs change places, once or soon after each other. */
function swapsOf(seed: string, healMs: number): Fault[] {
  const random = new Seeded(`${seed}/swaps`);
  if (!random.chance(SWAPS)) return [];
  const atMs = random.int(500, healMs);
  return Array.from({ length: random.int(1, 3) }, (_, i) => ({ atMs: atMs + i * random.pick([100, 1000, 10_000]), kind: 'swapRuns' }));
}

function faultsOf(random: Seeded, { lanes, healMs }: Pick<Plan, 'lanes' | 'healMs'>): Fault[] {
  const at = { atMs: random.int(500, healMs) };
  const forMs = Math.min(random.pick([1000, 5000, 20_000, 60_000]), healMs - at.atMs);
  const lane = lanes.length === 0 ? undefined : random.pick(lanes).name;
  const kind = random.int(0, 24);
  if (kind <= 5 || (kind <= 11 && lane === undefined)) {
    const afterSteps = random.chance(0.4) ? 0 : random.int(1, 60);
    const losesCommits = random.chance(0.2) ? random.int(1, 3) : 0;
    return [{ ...at, kind: 'kill', afterSteps, losesCommits, losesState: random.chance(0.1) }];
  }
  if (lane !== undefined && kind <= 7) {
    const mood = random.pick(['down', 'hanging', 'mute', 'denying', 'refusing', 'refusing', 'busy', 'slow'] as const);
    const bad: Fault = { ...at, kind: 'mood', lane, mood, forMs };
    // While a lane waits, somebody sets the clock.
    if (!random.chance(0.25)) return [bad];
    return [bad, { atMs: at.atMs + forMs / 2, kind: 'setClock', byMs: random.pick([-86_400_000, 86_400_000]) }];
  }
  if (lane !== undefined && kind <= 10) {
    const faults = random.pick([
      ['answerLost'],
      ['partStored'],
      ['connectionLost', 'unavailable'],
      ['wrongPage'],
      ['answerLost', 'partStored', 'connectionLost', 'unavailable'],
    ] as const);
    return [{ ...at, kind: 'requests', lane, share: random.pick([0.1, 0.5, 0.9]), faults, forMs }];
  }
  if (lane !== undefined && kind === 11) return [{ ...at, kind: 'deleteRun', lane, forMs }];
  return [otherFault(random, kind, at.atMs, forMs)];
}

function otherFault(random: Seeded, kind: number, atMs: number, forMs: number): Fault {
  const at = { atMs };
  switch (kind) {
    case 12:
      return { ...at, kind: 'restart' };
    case 13:
      return { ...at, kind: 'fullDisk', what: random.pick(['state', 'store', 'both'] as const), forMs };
    case 14:
      return { ...at, kind: 'setClock', byMs: random.pick([-86_400_000, -3_600_000, -5000, 5000, 86_400_000]) };
    case 15:
      return { ...at, kind: 'unmount', how: random.pick(['gone', 'empty', 'shut', 'stale'] as const), forMs };
    case 16:
      if (random.chance(0.4)) return { ...at, kind: 'hang', isWhole: random.chance(0.3), forMs };
      return { ...at, kind: 'unreadableFile', code: random.pick(['EACCES', 'EIO', 'ESTALE']), forMs };
    case 17:
      return random.chance(0.5) ? { ...at, kind: 'unreadableBytes', forMs } : { ...at, kind: 'unreadableDirectory', forMs };
    case 18:
      return { ...at, kind: 'damage', forMs };
    case 19:
      return random.chance(0.5) ? { ...at, kind: 'replace', isInPlace: random.chance(0.5) } : { ...at, kind: 'empty' };
    case 20:
      return { ...at, kind: 'copyOver' };
    case 21:
      return random.chance(0.5) ? { ...at, kind: 'remove' } : { ...at, kind: 'renameRun' };
    case 22:
      return { ...at, kind: 'tear', goesOn: random.chance(0.5) };
    case 23:
      if (random.chance(0.4)) return { ...at, kind: 'exchange', forMs };
      return { ...at, kind: 'temporaryName' };
    default:
      return { ...at, kind: 'link' };
  }
}

/** After these, points may be in a tracker whose file is gone, or a file may be gone before it was read. */
const LOSES_FILES: ReadonlySet<Fault['kind']> = new Set([
  'replace',
  'empty',
  'remove',
  'renameRun',
  'exchange',
  'swapRuns',
  'temporaryName',
]);

/** True if a file may be gone in a history. */
export function mayLoseFiles({ faults }: Pick<Plan, 'faults'>): boolean {
  return faults.some((fault) => LOSES_FILES.has(fault.kind) || (fault.kind === 'unmount' && fault.how === 'empty'));
}
