import { existsSync } from 'node:fs';
import { steadyMs } from '../clock.ts';
import { type Config, linksOf, parseRoot } from '../config/index.ts';
import type { RootRequest } from '../discover/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import type { LaneWarning } from '../lanes/index.ts';
import { jsonText } from '../model/index.ts';
import { StateFile, StateReader } from '../state/index.ts';
import type { Report } from '../status/index.ts';
import { type Difference, exitCodeOf, totalsOf, type Verification } from '../verify/compare/index.ts';
import type { ForeignFindings, VerifyLanesOptions } from '../verify/index.ts';
import { trackersOf } from './chosen-trackers.ts';
import { type CommandContext, type GlobalOptions, programName, styleOf, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { nextOfMigration } from './migrate-next.ts';
import { acceptedLosses, verdictOf } from './migrate-verdict.ts';
import { patienceMsOf } from './patience.ts';
import { localLane, readConfig } from './read-config.ts';
import { columnsOf, laneWarning, ProgressBlock, renderReport, renderVerification, reportJson, visibleText } from './terminal/index.ts';
import { verificationJson } from './verification-json.ts';

/** Differences of a comparison that are named. */
const MOST_EXAMPLES = 10;

/** The options of `migrate`. */
export interface MigrateFlags extends GlobalOptions {
  readonly from: string;
  readonly to: string;
  readonly patience?: string;
  readonly acceptLosses?: string;
}

/** Brings everything into one lane, and proves that it has all that another one has. */
export async function migrateCommand(roots: readonly string[], flags: MigrateFlags, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const { from, to } = flags;
  if (from === to) throw new MirrorError('MB1001', `--from and --to: found ${from} twice, expected two different lanes`);
  const config = await readConfig(flags, context);
  const { checkNames } = await import('../lanes/index.ts');
  checkNames(config, [from, to]);
  const accepted = acceptedLosses(flags.acceptLosses);
  const patienceMs = patienceMsOf(flags.patience);
  const store = [from, to].includes('local') ? localLane(config) : undefined;
  const statePath = config.state.path;
  await checkKnown(from, config, env, from === 'local' ? store?.path : undefined);
  const requests = await requestsOf(roots, config.roots, from === 'local' ? store?.path : undefined, statePath);
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new ProgressBlock({ stream: stderr, now: steadyMs, isTty, columns: () => stderr.columns });
  using interrupt = new Interrupt((line) => block.print(line));
  const { signal } = interrupt;
  const warn: LaneWarning = (lane, message, facts) => {
    if ((flags.quiet ?? 0) < 2) block.print(laneWarning(lane, message, facts));
  };
  const onStart: NonNullable<VerifyLanesOptions['onStart']> = (progress) => {
    if ((flags.quiet ?? 0) === 0) block.start(progress);
  };
  const isSpoken = flags.json !== true && (flags.quiet ?? 0) < 2;
  const style = styleOf(stderr, flags, env);
  const width = columnsOf(stderr, env);

  let report: Report;
  try {
    const { backfill } = await import('../sync/index.ts');
    // Its backends are closed in the end; whoever verifies makes new ones.
    const trackers = await trackersOf(config, env, [to], warn);
    report = await backfill({
      roots: requests,
      rules: config.rules,
      linksOf: linksOf(config),
      store: to === 'local' ? store : undefined,
      trackers,
      statePath,
      moved: config.moved,
      patienceMs,
      signal,
      onStart,
    });
  } finally {
    block.stop();
  }
  if (isSpoken) stderr.write(`${renderReport(report, { width, style })}\n`);

  const verifications: Verification[] = [];
  const examples = new Map<string, Difference[]>();
  let foreign: ForeignFindings | undefined;
  if (!signal.aborted) {
    const trackers = await trackersOf(config, env, [from, to], warn);
    try {
      const { foreignIn, verifyBetween, verifyLanes } = await import('../verify/index.ts');
      const onDifference: NonNullable<VerifyLanesOptions['onDifference']> = (difference, lane, other) => {
        const key = headOf(lane, other);
        const known = examples.get(key) ?? [];
        examples.set(key, known);
        if (known.length < MOST_EXAMPLES) known.push(difference);
      };
      const options = { roots: requests, rules: config.rules, linksOf: linksOf(config), statePath, signal, onStart, onDifference };
      const only = trackers.filter(({ name }) => name === to);
      const done = await verifyLanes({ ...options, store: to === 'local' ? store : undefined, trackers: only });
      for (const verification of done) verifications.push(verification);
      if (!signal.aborted) verifications.push(await verifyBetween([from, to], { ...options, store, trackers }));
      const old = trackers.find(({ name }) => name === from);
      if (!signal.aborted && old !== undefined) foreign = await foreignIn(old, { statePath, linksOf: linksOf(config), signal, onStart });
    } finally {
      block.stop();
      for (const { backend } of trackers) await backend.close();
    }
  }

  const verdict = verdictOf({ from, to, accepted }, report, verifications, foreign);
  context.exitCode = verdict.exitCode;
  if (flags.json === true) {
    const documents = verifications.map((verification) =>
      verificationJson(verification, totalsOf(verification), {
        next: undefined,
        writer: undefined,
        exitCode: exitCodeOf(verification, false),
      }),
    );
    const document = {
      type: 'migration',
      from,
      to,
      may_switch_off: verdict.exitCode === ExitCode.done,
      reasons: verdict.reasons,
      losses: verdict.losses,
      accepted_losses: accepted,
      not_compared: (verifications[1]?.uncompared ?? []).map(({ run, points, why }) => ({ root: run.root, run: run.path, points, why })),
      foreign:
        foreign === undefined
          ? null
          : {
              ...foreign.counts,
              metric: verdict.foreignMetrics.length,
              examples: foreign.examples.map((each) => ({ ...each })),
              not_looked_through: foreign.obstacles.map(({ what, reason }) => ({ what, reason })),
            },
      exit_code: verdict.exitCode,
      backfill: JSON.parse(JSON.stringify(reportJson(report))),
      verification: documents[0] ?? null,
      between: documents[1] ?? null,
    };
    await writeOut(stdout, `${jsonText(document)}\n`);
  } else if (isSpoken) {
    for (const verification of verifications) {
      const { lane, other, where } = verification;
      const head = other === undefined ? `${lane} (${where})` : headOf(lane, other);
      const shown = examples.get(headOf(lane, other)) ?? [];
      stderr.write(`${renderVerification(verification, { totals: totalsOf(verification), examples: shown, width, style, head })}\n`);
    }
    if (foreign === undefined && from !== 'local' && !signal.aborted) {
      stderr.write(
        `mirrorboard cannot tell what else ${visibleText(from)} contains (runs of training code, their files): check before you switch it off.\n`,
      );
    }
    for (const reason of verdict.reasons) stderr.write(`${style.yellow('-')} ${visibleText(reason)}\n`);
    const isDone = verdict.exitCode === ExitCode.done;
    const kept = `${verdict.exitCode === ExitCode.interrupted ? 'No verdict: keep' : 'Keep'} ${from} for now`;
    stderr.write(isDone ? `${style.bold(visibleText(doneText(from, to, verdict.but)))}\n` : `${style.red(visibleText(kept))}\n`);
    const migrated = { report, verifications, isInterrupted: signal.aborted, roots, requests, flags, program: programName(env) };
    const next = isDone ? undefined : nextOfMigration(migrated);
    if (next !== undefined) stderr.write(`${style.bold('Next:')} ${visibleText(next, { whole: true })}\n`);
  }
}

function headOf(lane: string, other: string | undefined): string {
  return other === undefined ? lane : `${lane} against ${other}`;
}

/** The verdict is about what came from event files. */
function doneText(from: string, to: string, but: string): string {
  return `${to} has everything from the event files that ${from} has${but === '' ? '' : `, except for ${but}`}: you can switch off ${from}`;
}

/** A lane into which nothing was mirrored proves nothing: that is said before hours of work, not after them. */
async function checkKnown(from: string, config: Config, env: NodeJS.ProcessEnv, storePath: string | undefined): Promise<void> {
  const isEmpty = storePath === undefined ? await isEmptyLane(from, config, env) : await isEmptyStore(storePath);
  if (!isEmpty) return;
  throw new MirrorError('MB3008', `nothing is mirrored into ${from} yet, so there is nothing to migrate`, {
    command: `mirrorboard backfill LOGDIR --to ${from}`,
  });
}

async function isEmptyStore(path: string): Promise<boolean> {
  const { openStore } = await import('../backends/local/index.ts');
  const reader = openStore(path);
  try {
    return reader.rootsWithRuns().length === 0;
  } finally {
    reader.close();
  }
}

async function isEmptyLane(lane: string, config: Config, env: NodeJS.ProcessEnv): Promise<boolean> {
  const [made] = await trackersOf(config, env, [lane], () => undefined);
  if (made === undefined) return false;
  try {
    const state = StateFile.openForReading(config.state.path);
    try {
      for (const [, { points, files }] of state.lane(made.name, made.target).knownRuns()) if (points > 0 || files.length > 0) return false;
      return true;
    } finally {
      state.close();
    }
  } finally {
    await made.backend.close();
  }
}

/** The roots that are asked for, those of the configuration, or those the first lane has, in this order. */
async function requestsOf(
  asked: readonly string[],
  configured: readonly RootRequest[],
  storePath: string | undefined,
  statePath: string,
): Promise<readonly RootRequest[]> {
  if (asked.length > 0) return asked.map((root) => parseRoot(root, existsSync));
  if (configured.length > 0) return configured;
  const { openStore } = await import('../backends/local/index.ts');
  const reader = storePath === undefined ? StateFile.openForReading(statePath) : openStore(storePath);
  try {
    const roots = reader instanceof StateReader ? reader.roots() : reader.rootsWithRuns();
    return roots.map(({ name, path }) => ({ name, path }));
  } finally {
    reader.close();
  }
}
