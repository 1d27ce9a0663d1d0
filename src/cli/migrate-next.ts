import { basename, join } from 'node:path';
import type { RootRequest } from '../discover/index.ts';
import { isPending } from '../model/index.ts';
import type { Report } from '../status/index.ts';
import { isWithin } from '../untrusted/index.ts';
import { totalsOf, type UncomparedRun, type Verification } from '../verify/compare/index.ts';
import { isRefusing, lanesAfter } from './backfill.ts';
import type { MigrateFlags } from './migrate-flags.ts';
import { commonWords, nextStep, type Situation, typedWords } from './next-step.ts';
import { comparedAs } from './verify-next.ts';

/** The results of a migration. */
interface Migrated {
  readonly report: Report;
  /** The comparison of the new lane with the files, and of the two lanes; fewer if it was interrupted. */
  readonly verifications: readonly Verification[];
  /** True if it was interrupted at any time: while it mirrored, compared or searched. */
  readonly isInterrupted?: boolean;
  /** The log directories as the user typed them. */
  readonly roots: readonly string[];
  readonly requests: readonly RootRequest[];
  readonly flags: MigrateFlags;
  readonly program: string;
}

/**
 * Returns the command that removes the obstacle; undefined if none does. The operator decides about a loss, and the
 * reasons name the flag that accepts it.
 */
export function nextOfMigration(migrated: Migrated): string | undefined {
  const { report, verifications, roots, requests, flags, program } = migrated;
  const [own, between] = verifications;
  const isInterrupted = report.interrupted || migrated.isInterrupted === true;
  const { to } = flags;
  const paths = new Map(requests.map(({ path, name }) => [name ?? basename(path), path]));
  const damaged = report.damage.filter((item) => !isPending(item) && item.reason !== 'unreadable');
  const lanes = lanesAfter(report);
  const compared = own === undefined ? undefined : comparedAs(own, totalsOf(own));
  const typed = typedWords('migrate', roots, flags);
  const situation: Situation = {
    typed,
    common: commonWords(flags),
    roots,
    lane: to,
    isInterrupted,
    lanes,
    compared,
    refusing: report.lanes.find(isRefusing)?.name,
    damaged: damaged.map(({ run, file }) => join(paths.get(run.root) ?? '', run.path, file)),
    hasPending: true,
  };
  const isInTheWay =
    isInterrupted ||
    lanes.some(({ health }) => health !== 'well') ||
    (compared !== undefined && compared !== 'same') ||
    situation.refusing !== undefined ||
    damaged.length > 0 ||
    hasPending(report, own, between);
  if (isInTheWay) return nextStep(situation, program);
  const more = directoriesOf(between?.uncompared ?? [], requests);
  return more.length === 0 ? undefined : nextStep({ ...situation, typed: typedWords('migrate', more, flags) }, program);
}

function hasPending({ lanes }: Report, own: Verification | undefined, between: Verification | undefined): boolean {
  if (own === undefined || between === undefined) return true;
  const { pendingBytes, damaged } = totalsOf(own);
  return lanes.some(({ state }) => state !== 'done') || pendingBytes > damaged.before || totalsOf(between).notYet > 0;
}

/**
 * Returns all directories that were compared, and those of runs that are elsewhere; none if there are no such runs.
 */
function directoriesOf(uncompared: readonly UncomparedRun[], requests: readonly RootRequest[]): string[] {
  const others = new Map(uncompared.filter(({ why }) => why === 'elsewhere').map(({ run, root }) => [root, run.root]));
  if (others.size === 0) return [];
  const wordOf = (path: string, name: string | undefined): string =>
    name === undefined || name === basename(path) ? path : `${name}=${path}`;
  const asked = requests.filter(({ path }) => ![...others.keys()].some((other) => isWithin(path, other)));
  return [...asked.map(({ path, name }) => wordOf(path, name)), ...[...others].map(([path, name]) => wordOf(path, name))];
}
