import { existsSync } from 'node:fs';
import { steadyMs } from '../clock.ts';
import { linksOf, parseRoot, runEndedAfterOf } from '../config/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import type { LaneWarning } from '../lanes/index.ts';
import type { Migration } from '../migrate/index.ts';
import { jsonText } from '../model/index.ts';
import { type Difference, exitCodeOf, totalsOf } from '../verify/compare/index.ts';
import { trackersOf } from './chosen-trackers.ts';
import { type CommandContext, programName, styleOf, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import type { MigrateFlags } from './migrate-flags.ts';
import { nextOfMigration } from './migrate-next.ts';
import { patienceMsOf } from './patience.ts';
import { localLane, readConfig } from './read-config.ts';
import { columnsOf, laneWarning, ProgressBlock, renderReport, renderVerification, reportJson, visibleText } from './terminal/index.ts';
import { verificationJson } from './verification-json.ts';

/** The most differences of a comparison that are named. */
const MOST_EXAMPLES = 10;

/** Mirrors everything into one lane, and proves that it has everything that another one has. */
export async function migrateCommand(roots: readonly string[], flags: MigrateFlags, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const { from, to } = flags;
  if (from === to) throw new MirrorError('MB1001', `--from and --to: found ${from} twice, expected two different lanes`);
  const config = await readConfig(flags, context, { isMirroring: true });
  const { checkNames } = await import('../lanes/index.ts');
  checkNames(config, [from, to]);
  const { acceptedLosses, migrate } = await import('../migrate/index.ts');
  const accepted = acceptedLosses(flags.acceptLosses);
  const patienceMs = patienceMsOf(flags.patience);
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new ProgressBlock({ stream: stderr, now: steadyMs, isTty, columns: () => stderr.columns });
  using interrupt = new Interrupt((line) => block.print(line), { graceMs: config.shutdownGraceMs });
  const { signal } = interrupt;
  // Lanes are made several times, and warn the same each time.
  const warned = new Set<string>();
  const warn: LaneWarning = (lane, message, facts) => {
    const line = laneWarning(lane, message, facts);
    if ((flags.quiet ?? 0) < 2 && !warned.has(line)) block.print(line);
    warned.add(line);
  };
  const showsReport = flags.json !== true && (flags.quiet ?? 0) < 2;
  const style = styleOf(stderr, flags, env);
  const width = columnsOf(stderr, env);

  const examples = new Map<string, Difference[]>();
  let migration: Migration;
  try {
    migration = await migrate({
      from,
      to,
      accepted,
      roots: roots.length > 0 ? roots.map((root) => parseRoot(root, existsSync)) : config.roots,
      rules: config.rules,
      linksOf: linksOf(config),
      moved: config.moved,
      runEndedAfterOf: runEndedAfterOf(config),
      store: [from, to].includes('local') ? localLane(config) : undefined,
      statePath: config.state.path,
      makeLanes: (names) => trackersOf(config, env, names, warn),
      patienceMs,
      signal,
      onStart: (progress) => {
        if ((flags.quiet ?? 0) === 0) block.start(progress);
      },
      onMirrored: (report) => {
        block.stop();
        if (showsReport) stderr.write(`${renderReport(report, { width, style })}\n`);
      },
      onDifference: (difference, lane, other) => {
        const key = headOf(lane, other);
        const known = examples.get(key) ?? [];
        examples.set(key, known);
        if (known.length < MOST_EXAMPLES) known.push(difference);
      },
    });
  } finally {
    block.stop();
  }
  const { report, verifications, foreign, verdict, roots: requests } = migration;

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
  } else if (showsReport) {
    for (const verification of verifications) {
      const { lane, other, where } = verification;
      const head = other === undefined ? `${lane} (${where})` : headOf(lane, other);
      const shown = examples.get(headOf(lane, other)) ?? [];
      stderr.write(`${renderVerification(verification, { totals: totalsOf(verification), examples: shown, width, style, head })}\n`);
    }
    if (foreign === undefined && from !== 'local' && !signal.aborted) {
      stderr.write(
        `mirrorboard cannot tell what else ${visibleText(from)} contains (runs of training code, their files): check ` +
          `before you switch it off.\n`,
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

/** Returns the verdict's sentence, which covers only data from event files. */
function doneText(from: string, to: string, but: string): string {
  return `${to} has everything from the event files that ${from} has${but === '' ? '' : `, except for ${but}`}: you can switch off ${from}`;
}
