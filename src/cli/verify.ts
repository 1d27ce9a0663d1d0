import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

import { parseRoot } from '../config/index.ts';
import { messageOf, MirrorError } from '../errors.ts';
import { type Json, jsonText, type RunRef } from '../model/index.ts';
import { FileLock } from '../state/index.ts';
import { type Difference, exitCodeOf, type Sample, type Totals, totalsOf, type Verification } from '../verify/index.ts';
import { type CommandContext, type GlobalOptions, programName, shellWord, styleOf, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { localLane, readConfig } from './read-config.ts';
import { ProgressBlock, renderVerification } from './terminal/index.ts';

export interface VerifyFlags extends GlobalOptions {
  /** A JSON line for each difference goes there; `-` is standard output. */
  readonly report?: string;
  readonly repair?: boolean;
  /** `5%`: whole series by lot. */
  readonly sample?: string;
  /** Decides the lot; the date in UTC by default. */
  readonly seed?: string;
  readonly strict?: boolean;
}

/** Differences that the summary names. */
const MOST_EXAMPLES = 20;

/** Compares what was mirrored with the event files; the exit code says how it went. */
export async function verifyCommand(roots: readonly string[], flags: VerifyFlags, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  if (flags.report === '-' && flags.json === true) {
    throw new MirrorError('MB1001', '--json and --report - would both write to standard output', {
      hint: 'Give --report a file.',
    });
  }
  const sample = sampleOf(flags);
  const config = await readConfig(flags, context);
  const store = localLane(config);
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new ProgressBlock({ stream: stderr, now: Date.now, isTty, columns: () => stderr.columns });
  using interrupt = new Interrupt(() => block.print('Interrupted: ending; once more to stop at once.'));
  const { verify } = await import('../verify-pass.ts');
  const report = flags.report === undefined || flags.report === '-' ? undefined : new LineFile(flags.report);
  const examples: Difference[] = [];
  let verification: Verification;
  try {
    verification = await verify({
      roots: roots.map((root) => parseRoot(root, existsSync)),
      store,
      ...(sample === undefined ? {} : { sample }),
      repair: flags.repair === true,
      signal: interrupt.signal,
      onStart: (progress) => {
        if ((flags.quiet ?? 0) === 0) block.start(progress);
      },
      onDifference: (difference) => {
        if (examples.length < MOST_EXAMPLES) examples.push(difference);
        if (flags.report === undefined) return;
        const line = `${jsonText(differenceJson(difference, 'local'))}\n`;
        if (report === undefined) stdout.write(line);
        else report.write(line);
      },
    });
    report?.finish();
  } catch (error) {
    report?.abandon();
    throw error;
  } finally {
    block.stop();
  }
  const totals = totalsOf(verification);
  const writer = FileLock.holder(store.path);
  const next = nextCommand(verification, totals, {
    writer,
    program: programName(env),
    common: [
      ...(flags.config === undefined ? [] : ['--config', flags.config]),
      ...(config.sources.get('lanes.local.path') === 'flag' ? ['--store', store.path] : []),
    ],
    roots,
  });
  context.exitCode = exitCodeOf(verification, flags.strict === true);
  if (flags.json === true) {
    await writeOut(stdout, `${jsonText(verificationJson(verification, totals, { next, writer, exitCode: context.exitCode }))}\n`);
  } else if ((flags.quiet ?? 0) < 2) {
    const style = styleOf(stderr, flags, env);
    const note = writer === undefined ? undefined : noteOn(writer, verification, totals);
    stderr.write(renderVerification(verification, { totals, examples, width: stderr.columns, style, note, next }));
  }
}

function sampleOf({ sample, seed }: VerifyFlags): Sample | undefined {
  if (sample === undefined) return undefined;
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(sample)?.[1] ?? NaN);
  if (!(percent > 0 && percent <= 100)) {
    throw new MirrorError('MB1001', `--sample: found ${JSON.stringify(sample)}, expected a share of the series above 0% and up to 100%`, {
      command: 'mirrorboard verify --sample 5%',
    });
  }
  return { percent, seed: seed ?? new Date().toISOString().slice(0, 10) };
}

interface Words {
  /** Who writes to the store. */
  readonly writer: string | undefined;
  readonly program: string;
  /** Flags that every command needs to mean the same. */
  readonly common: readonly string[];
  readonly roots: readonly string[];
}

/** What to type now: what mends the differences, brings what is owed, or is of use when all is well. */
function nextCommand(verification: Verification, totals: Totals, { writer, program, common, roots }: Words): string | undefined {
  const command = (...words: readonly string[]): string => [program, ...words, ...common].map(shellWord).join(' ');
  const { repairs } = verification;
  const again = command('verify', ...roots);
  // Whoever writes to the store brings what is owed, and a second one would be refused.
  const bring = (): string => (writer === undefined ? command('backfill', ...rootsOf(verification, roots)) : again);
  if (verification.interrupted) return again;
  if (repairs !== undefined && (repairs.gaps > 0 || repairs.distrusted.length > 0)) return bring();
  if (repairs !== undefined && totals.differences > 0) return again;
  if (totals.differences > 0) return command('verify', '--repair', ...roots);
  if (verification.obstacles.length > 0) return undefined;
  return isOwed(totals) ? bring() : `${command('export', '--format', 'csv')} | head`;
}

function isOwed({ owedBytes, pendingBytes, unjudged }: Totals): boolean {
  return owedBytes + pendingBytes + unjudged.stale > 0;
}

/** What it means that somebody writes to the store: what is owed comes by itself, and a repair has to wait. */
function noteOn(writer: string, { repairs }: Verification, totals: Totals): string | undefined {
  if (totals.differences > 0 && repairs === undefined) return `${writer} writes to the store: it has to end before a repair`;
  return totals.differences > 0 || isOwed(totals)
    ? `${writer} writes to the store, and brings what is owed or pending: wait for it`
    : undefined;
}

/** The roots as they were given, or the paths they were found at. */
function rootsOf({ roots }: Verification, given: readonly string[]): readonly string[] {
  return given.length > 0 ? given : roots;
}

/** One line of `--report`: documented in docs/verify.md; fields may be added, none change their meaning. */
function differenceJson(difference: Difference, lane: string): Json {
  const { kind, run, tag } = difference;
  const base = { kind, lane, root: run.root, run: run.path, tag: tag ?? null };
  switch (difference.kind) {
    case 'media':
      return { ...base, path: difference.path, mine: difference.mine, theirs: difference.theirs ?? null };
    case 'listing':
      return { ...base, field: difference.field, mine: difference.mine, theirs: difference.theirs };
    default: {
      const { step, wallTime, place, mine, theirs, theirStep, theirWallTime } = difference;
      return {
        ...base,
        step,
        wall_time: wallTime,
        file: place?.file ?? null,
        offset: place?.offset ?? null,
        index: place?.index ?? null,
        mine: mine ?? null,
        theirs: theirs ?? null,
        ...(theirStep === undefined ? {} : { their_step: theirStep }),
        ...(theirWallTime === undefined ? {} : { their_wall_time: theirWallTime }),
      };
    }
  }
}

/** The summary as `--json` gives it. */
function verificationJson(
  verification: Verification,
  totals: Totals,
  { next, writer, exitCode }: { readonly next: string | undefined; readonly writer: string | undefined; readonly exitCode: number },
): Json {
  const { repairs, sample } = verification;
  const runOf = (run: RunRef): { root: string; run: string } => ({ root: run.root, run: run.path });
  const counts = (of: Omit<Totals, 'runs' | 'differences'>): { [field: string]: Json } => ({
    points: of.points,
    equal: of.points - of.missing - of.changed,
    missing: of.missing,
    extra: of.extra,
    changed: of.changed,
    allowed: of.allowed,
    owed_bytes: of.owedBytes,
    pending_bytes: of.pendingBytes,
    listing: of.listing,
    media: { ...of.media },
    points_not_judged: { ...of.unjudged },
  });
  return {
    type: 'verification',
    lane: verification.lane,
    where: verification.where,
    interrupted: verification.interrupted,
    exit_code: exitCode,
    differences: totals.differences,
    sample: sample === undefined ? null : { percent: sample.percent, seed: sample.seed },
    totals: { runs: totals.runs, ...counts(totals) },
    runs: verification.runs.map((run) => ({ ...runOf(run.run), ...counts(run) })),
    files_not_compared: verification.troubled.map(({ run, file, why, reason }) => ({ ...runOf(run), file, why, reason: reason ?? null })),
    could_not_judge: verification.obstacles.map(({ what, reason }) => ({ what, reason })),
    repair:
      repairs === undefined
        ? null
        : {
            gaps: repairs.gaps,
            missing_points: repairs.missingPoints,
            files_to_mirror_anew: repairs.distrusted.map(({ run, file }) => ({ ...runOf(run), file })),
            listings: repairs.listings,
            media: repairs.media,
            left: repairs.left.map(({ what, reason }) => ({ what, reason })),
          },
    writer: writer ?? null,
    next: next ?? null,
    elapsed_ms: verification.elapsedMs,
  };
}

/** A file of lines that appears under its name when it is whole. */
class LineFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  #lines: string[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    this.#fd = this.#try(() => openSync(this.#temporary, 'w'));
  }

  write(line: string): void {
    if (this.#lines.push(line) >= LINES_PER_WRITE) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#try(() => {
      fsyncSync(this.#fd);
      closeSync(this.#fd);
      renameSync(this.#temporary, this.#path);
    });
  }

  abandon(): void {
    closeSync(this.#fd);
    rmSync(this.#temporary, { force: true });
  }

  #flush(): void {
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#try(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    });
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      throw new MirrorError('MB3009', `writing ${this.#path}: ${messageOf(cause)}`, {
        hint: 'Check that the folder exists, can be written and has room.',
        cause,
        context: { path: this.#path },
      });
    }
  }
}

const LINES_PER_WRITE = 1000;
