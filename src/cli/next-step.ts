/** Chooses the command to type now: one rule for all commands, from facts only. */
import { flagName } from '../flag-names.ts';
import { type GlobalOptions, shellWord } from './context.ts';

/** The reason that a lane has not progressed further. */
export type LaneHealth =
  /** It continues without help, or has nothing to do. */
  | 'well'
  /** Its tracker is down, hangs, asks to wait, or rejects the credentials. */
  | 'blocked'
  /** The tracker accepts nothing more for some of its runs. */
  | 'runsStopped';

/** The facts that decide the next command; a command leaves out what it does not know. */
export interface Situation {
  /** The words that the person typed, to be typed again. */
  readonly typed: readonly string[];
  /** The flags that every command needs to mean the same: `--config` and the like. */
  readonly common: readonly string[];
  /** The log directories, as they must be typed. */
  readonly roots: readonly string[];
  /** The directories that the person typed. Default: all. */
  readonly given?: readonly string[];
  readonly isInterrupted?: boolean;
  /** True if a process is mirroring now: pending data comes without help, and a second process would be refused. */
  readonly isDriven?: boolean;
  /** The names of roots that do not exist. */
  readonly missing?: readonly string[];
  /** True if a root, a folder or a file cannot be checked, or is suddenly empty. */
  readonly isShut?: boolean;
  readonly lanes?: readonly { readonly name: string; readonly health: LaneHealth }[];
  /** The lane that refused points it should hold. */
  readonly refusing?: string | undefined;
  /** The files with damage. */
  readonly damaged?: readonly string[];
  /** True if some data of the files is not in every lane. */
  readonly hasPending?: boolean;
  /** The lane that people have paused. */
  readonly paused?: string | undefined;
  /** True if nothing was ever mirrored. */
  readonly isNew?: boolean;
  /** The first root, if it has no event file, or none that is included. */
  readonly emptyRoot?: string | undefined;
  /** The only lane that the command is about. */
  readonly lane?: string | undefined;
  /** The result of a comparison: differences, and the repair. */
  readonly compared?: 'same' | 'differs' | 'repairNoted' | 'repairLeft' | 'cannotMend' | 'unreachable' | undefined;
  /** True if only the local store is mirrored into. */
  readonly isLocalOnly?: boolean;
  /** The fact that the command has already shown, so that it is not suggested again. */
  readonly confirmed?: 'how it stands' | 'that it is the same' | 'that it is mirrored';
}

/** Returns the command, as it must be typed. */
export function nextStep(situation: Situation, program: string): string {
  const { words, pipe } = decide(situation);
  const command = [program, ...words, ...(words === situation.typed ? [] : situation.common)].map(shellWord).join(' ');
  return pipe === undefined ? command : `${command} | ${pipe}`;
}

interface Step {
  readonly words: readonly string[];
  readonly pipe?: string;
}

/** Chooses the next step: the largest obstacle comes first, merely useful commands come last. */
function decide(situation: Situation): Step {
  const { typed, roots, isDriven = false, missing = [], lanes = [], damaged = [], compared } = situation;
  const toLane = situation.lane === undefined ? [] : ['--to', situation.lane];
  const ofLane = situation.lane === undefined ? [] : ['--lane', situation.lane];
  const again: Step = { words: typed };
  const bring: Step = { words: ['backfill', ...roots, ...toLane] };
  if (situation.isInterrupted === true) return again;
  // A repair comes first: people easily forget what it noted.
  if (compared === 'repairNoted') return isDriven ? again : bring;
  if (compared === 'repairLeft') return again;
  // A person who repairs by hand needs the full report.
  if (compared === 'cannotMend') return { words: ['verify', ...(situation.given ?? roots), ...ofLane, '--report', 'differences.jsonl'] };
  if (compared === 'differs') return { words: ['verify', '--repair', ...(situation.given ?? roots), ...ofLane] };
  const [gone] = missing;
  // If the person names it with the new path, it is the same root in another place.
  if (gone !== undefined) return { words: ['backfill', `${gone}=NEW_PATH`] };
  if (situation.isShut === true || compared === 'unreachable' || lanes.some(({ health }) => health === 'blocked')) {
    return { words: ['doctor', ...roots] };
  }
  const stopped = lanes.find(({ health }) => health === 'runsStopped');
  if (stopped !== undefined && !isDriven) return { words: ['backfill', ...roots, '--to', stopped.name, '--rebuild'] };
  if (situation.isNew === true && !isDriven) return roots.length > 0 ? bring : { words: ['backfill', 'LOGDIR'] };
  // The repair sends them again.
  if (situation.refusing !== undefined && !isDriven)
    return { words: ['verify', ...(situation.given ?? []), '--lane', situation.refusing, '--repair'] };
  const [file] = damaged;
  if (file !== undefined) return { words: ['inspect', file] };
  if (situation.emptyRoot !== undefined) return { words: ['inspect', situation.emptyRoot] };
  if (situation.hasPending === true) {
    // A person who compares wants a comparison after the data has arrived.
    if (isDriven) return situation.confirmed === 'that it is the same' ? again : { words: ['status', '--watch'] };
    return BRINGING.has(typed[0] ?? '') ? again : bring;
  }
  if (situation.paused !== undefined) return { words: ['lane', 'resume', situation.paused] };
  switch (situation.confirmed) {
    case 'how it stands':
      return { words: ['verify'] };
    case 'that it is the same':
      if (situation.isLocalOnly === true) return LOOK;
      return isDriven ? { words: ['status'] } : { words: ['watch', ...roots] };
    default:
      return situation.isLocalOnly === true ? LOOK : { words: ['verify'] };
  }
}

/** The commands that bring pending data when they are repeated. */
const BRINGING = new Set(['backfill', 'migrate']);

/** The step when nothing else is left: a look at the data. */
const LOOK: Step = { words: ['export', '--format', 'csv'], pipe: 'head' };

/** The flags that change only the display, not the work. */
const SHOWING = new Set(['json', 'quiet', 'color', 'logLevel', 'logFormat', 'verbose']);

/** Returns a command as it was typed, without the flags of its display. */
export function typedWords(command: string, roots: readonly string[], flags: object): string[] {
  const words = Object.entries(flags).flatMap(([key, value]): string[] => {
    if (SHOWING.has(key)) return [];
    const flag = flagName(key);
    if (value === true) return [flag];
    if (typeof value === 'string') return [flag, value];
    return Array.isArray(value) ? value.flatMap((each) => [flag, String(each)]) : [];
  });
  return [command, ...roots, ...words];
}

/** Returns the flags that every command needs to mean the same. */
export function commonWords({ config, profile, store, state }: GlobalOptions): string[] {
  const pairs = Object.entries({ config, profile, store, state });
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}
