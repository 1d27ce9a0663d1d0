/** What is worth typing now: one rule for all commands, from facts alone. */
import { flagName } from '../flag-names.ts';
import { type GlobalOptions, shellWord } from './context.ts';

/** Why a lane is no further than it is. */
export type LaneHealth =
  /** It continues on its own, or has nothing to do. */
  | 'well'
  /** Its tracker is down, hangs, asks to wait, or rejects the credentials. */
  | 'blocked'
  /** The tracker takes nothing more for some of its runs. */
  | 'runsStopped';

/** Everything that decides what is worth doing; what a command does not know is left out. */
export interface Situation {
  /** What the person typed, so that it can be typed again. */
  readonly typed: readonly string[];
  /** What every command needs to mean the same: `--config` and the like. */
  readonly common: readonly string[];
  /** Log directories, as they are to be typed. */
  readonly roots: readonly string[];
  /** Those of them that were given. Default: all. */
  readonly given?: readonly string[];
  readonly isInterrupted?: boolean;
  /** A process mirrors at the moment: what is pending comes on its own, and a second one would be refused. */
  readonly isDriven?: boolean;
  /** Names of roots that are not there. */
  readonly missing?: readonly string[];
  /** A root, a folder or a file cannot be checked, or is empty all at once. */
  readonly isShut?: boolean;
  readonly lanes?: readonly { readonly name: string; readonly health: LaneHealth }[];
  /** A lane that refused points it should hold. */
  readonly refusing?: string | undefined;
  /** Files of which something is damaged. */
  readonly damaged?: readonly string[];
  /** Something that is in the files is not in every lane. */
  readonly hasPending?: boolean;
  /** A lane that people have paused. */
  readonly paused?: string | undefined;
  /** Nothing was ever mirrored. */
  readonly isNew?: boolean;
  /** Where no event file was found at all, or none that is asked for: the first root. */
  readonly emptyRoot?: string | undefined;
  /** Only this lane is spoken of. */
  readonly lane?: string | undefined;
  /** What a comparison found: differences, and what was done about them. */
  readonly compared?: 'same' | 'differs' | 'repairNoted' | 'repairLeft' | 'cannotMend' | 'unreachable' | undefined;
  /** Only the local store is mirrored into. */
  readonly isLocalOnly?: boolean;
  /** What the command has shown already, so that it is not suggested again. */
  readonly confirmed?: 'how it stands' | 'that it is the same' | 'that it is mirrored';
}

/** The command, as it is typed. */
export function nextStep(situation: Situation, program: string): string {
  const { words, pipe } = decide(situation);
  const command = [program, ...words, ...(words === situation.typed ? [] : situation.common)].map(shellWord).join(' ');
  return pipe === undefined ? command : `${command} | ${pipe}`;
}

interface Step {
  readonly words: readonly string[];
  readonly pipe?: string;
}

/** What is in the way of most comes first; what is only of use comes last. */
function decide(situation: Situation): Step {
  const { typed, roots, isDriven = false, missing = [], lanes = [], damaged = [], compared } = situation;
  const toLane = situation.lane === undefined ? [] : ['--to', situation.lane];
  const ofLane = situation.lane === undefined ? [] : ['--lane', situation.lane];
  const again: Step = { words: typed };
  const bring: Step = { words: ['backfill', ...roots, ...toLane] };
  if (situation.isInterrupted === true) return again;
  // A repair first: what was noted is lost sight of easily.
  if (compared === 'repairNoted') return isDriven ? again : bring;
  if (compared === 'repairLeft') return again;
  // Who wants to put it right by hand needs all of it.
  if (compared === 'cannotMend') return { words: ['verify', ...(situation.given ?? roots), ...ofLane, '--report', 'differences.jsonl'] };
  if (compared === 'differs') return { words: ['verify', '--repair', ...(situation.given ?? roots), ...ofLane] };
  const [gone] = missing;
  // Named on purpose, it is the same root elsewhere.
  if (gone !== undefined) return { words: ['backfill', `${gone}=NEW_PATH`] };
  if (situation.isShut === true || compared === 'unreachable' || lanes.some(({ health }) => health === 'blocked')) {
    return { words: ['doctor', ...roots] };
  }
  const stopped = lanes.find(({ health }) => health === 'runsStopped');
  if (stopped !== undefined && !isDriven) return { words: ['backfill', ...roots, '--to', stopped.name, '--rebuild'] };
  if (situation.isNew === true && !isDriven) return roots.length > 0 ? bring : { words: ['backfill', 'LOGDIR'] };
  // The repair asks for them again.
  if (situation.refusing !== undefined && !isDriven)
    return { words: ['verify', ...(situation.given ?? []), '--lane', situation.refusing, '--repair'] };
  const [file] = damaged;
  if (file !== undefined) return { words: ['inspect', file] };
  if (situation.emptyRoot !== undefined) return { words: ['inspect', situation.emptyRoot] };
  if (situation.hasPending === true) {
    // Who compares wants it compared once it is there.
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

/** Commands that bring what is pending when they are given again. */
const BRINGING = new Set(['backfill', 'migrate']);

/** Data, at last. */
const LOOK: Step = { words: ['export', '--format', 'csv'], pipe: 'head' };

/** Flags that say how something is shown, not what is done. */
const SHOWING = new Set(['json', 'quiet', 'color', 'logLevel', 'logFormat', 'verbose']);

/** A command as it was typed, but for how it shows what it does. */
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

/** The flags that every command needs to mean the same. */
export function commonWords({ config, profile, store, state }: GlobalOptions): string[] {
  const pairs = Object.entries({ config, profile, store, state });
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}
