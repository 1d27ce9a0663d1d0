import { ExitCode, MirrorError } from '../errors.ts';
import { environmentName } from '../flag-names.ts';
import { isPending, runLabel } from '../model/index.ts';
import { type FileRef, StateFile, type StateReader, type StateSummary } from '../state/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { OutputFile } from './output-file.ts';
import {
  columnsOf,
  counted,
  damageBytes,
  damageReason,
  formatBytes,
  formatCount,
  formatDuration,
  renderTable,
  type Style,
  visibleText,
} from './terminal/index.ts';

/** The options of `state`. */
export interface StateFlags extends GlobalOptions {
  /** `--state FILE`. */
  readonly state?: string;
  /** `-o, --out FILE`, for `export`. */
  readonly out?: string;
}

const DEFAULT_STATE = './mirrorboard.state';

/** Shows, checks or exports the state file, also while `watch` writes to it. */
export async function stateCommand(action: 'show' | 'check' | 'export', flags: StateFlags, context: CommandContext): Promise<void> {
  const path = statePath(flags, context.env);
  if (flags.out === '') throw new MirrorError('MB1001', '--out: found an empty text, expected a file', { context: { flag: '--out' } });
  const reader = StateFile.openForReading(path);
  try {
    if (action === 'show') await show(reader, path, flags, context);
    else if (action === 'check') await check(reader, path, flags, context);
    else await exportState(reader, path, flags, context);
  } finally {
    reader.close();
  }
}

/** Returns the path of the state: the flag wins over the variable, the variable over the default. */
function statePath({ state }: StateFlags, env: NodeJS.ProcessEnv): string {
  if (state === '') throw new MirrorError('MB1001', '--state: found an empty text, expected a value', { context: { flag: '--state' } });
  return state ?? (env[environmentName('state')] || DEFAULT_STATE);
}

async function show(reader: StateReader, path: string, flags: StateFlags, context: CommandContext): Promise<void> {
  const summary = reader.summary();
  if (flags.json === true) await writeOut(context.stdout, `${JSON.stringify(summaryJson(path, summary))}\n`);
  else {
    const style = styleOf(context.stdout, flags, context.env);
    await writeOut(context.stdout, summaryText(path, summary, { style, width: columnsOf(context.stdout, context.env), nowMs: Date.now() }));
  }
}

async function check(reader: StateReader, path: string, flags: StateFlags, context: CommandContext): Promise<void> {
  const problems = reader.check();
  if (flags.json === true) {
    await writeOut(context.stdout, `${JSON.stringify({ type: 'state_check', path, valid: problems.length === 0, problems })}\n`);
  } else if (problems.length === 0) {
    await writeOut(context.stdout, `${visibleText(path)} is valid.\n`);
  } else {
    const style = styleOf(context.stdout, flags, context.env);
    const lines = problems.map(({ where, what }) => `${style.red(visibleText(where))}: ${visibleText(what)}`);
    await writeOut(context.stdout, `${lines.join('\n')}\n`);
  }
  if (problems.length > 0) context.exitCode = ExitCode.notMirrored;
}

async function exportState(reader: StateReader, path: string, flags: StateFlags, context: CommandContext): Promise<void> {
  if (flags.out === undefined || flags.out === '-') {
    for (const text of reader.dump()) await writeOut(context.stdout, text);
    return;
  }
  const bytes = writeWhole(flags.out, reader.dump());
  if (flags.json === true) await writeOut(context.stdout, `${JSON.stringify({ type: 'state_export', path, out: flags.out, bytes })}\n`);
  else context.stderr.write(`${formatBytes(bytes)} written to ${visibleText(flags.out)}\n`);
}

function writeWhole(path: string, texts: Iterable<string>): number {
  const output = new OutputFile(path);
  let bytes = 0;
  try {
    for (const text of texts) {
      output.write(text);
      bytes += Buffer.byteLength(text);
    }
    output.finish();
    return bytes;
  } catch (error) {
    output.abandon();
    throw error;
  }
}

interface TextOptions {
  readonly style: Style;
  readonly width: number | undefined;
  readonly nowMs: number;
}

/** The most lines of each list for a person; `--json` has all of them. */
const MOST_LINES = 20;

function summaryText(path: string, summary: StateSummary, { style, width, nowMs }: TextOptions): string {
  const { roots, lanes, damage, gaps, retries } = summary;
  const sections = [
    [
      `State ${style.bold(visibleText(path))}, instance ${summary.instanceId}, created ${visibleText(summary.createdAt)}`,
      `${counted(summary.runs, 'run')}, ${counted(summary.files, 'file')}, ${formatCount(summary.series)} series` +
        (summary.statusWrittenMs === null ? '' : `; status written ${ago(nowMs - summary.statusWrittenMs)}`),
    ],
    roots.length === 0 ? [] : [rootTable(summary, style, width)],
    lanes.length === 0 ? ['No lane has used it yet.'] : [laneTable(summary, style, width)],
    list(
      'Damage',
      damage.map((entry) => {
        const where = [place(entry), `offset ${entry.damage.start}`, damageBytes(entry.damage) ?? []].flat().join(', ');
        const line = `${where}: ${damageReason(entry.damage)}`;
        return isPending(entry.damage) ? style.dim(line) : style.red(line);
      }),
      style,
    ),
    list(
      'Pending',
      gaps.map(
        (entry) =>
          `${visibleText(`${entry.lane} (${entry.target})`)}: ${place(entry)}, offset ${entry.gap.start}, ` +
          `${counted(entry.gap.end - entry.gap.start, 'byte')}, ` +
          `${entry.gap.reason}${entry.gap.tags === undefined ? '' : `, ${counted(entry.gap.tags.length, 'tag')} only`}`,
      ),
      style,
    ),
    list(
      'Retries',
      retries.map((entry) => `${place(entry)}: ${due(entry.nextMs - nowMs)}, ${counted(entry.attempts, 'attempt')} so far`),
      style,
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function rootTable({ roots }: StateSummary, style: Style, width: number | undefined): string {
  return renderTable({
    columns: [{ title: 'Root' }, { title: 'Runs', align: 'right' }, { title: 'Files', align: 'right' }, { title: 'Last path' }],
    rows: roots.map(({ name, path, runs, files }) => [name, formatCount(runs), formatCount(files), path || '-']),
    width,
    style,
  });
}

function laneTable({ lanes }: StateSummary, style: Style, width: number | undefined): string {
  const own = (ownsPositions: boolean, text: string): string => (ownsPositions ? 'its own' : text);
  return renderTable({
    columns: [
      { title: 'Lane' },
      { title: 'Positions', align: 'right' },
      { title: 'At start', align: 'right' },
      { title: 'Ahead', align: 'right' },
      { title: 'Gaps', align: 'right' },
      { title: 'Points', align: 'right' },
      { title: 'Refused', align: 'right' },
      { title: 'Unsupported', align: 'right' },
      { title: 'In doubt', align: 'right' },
    ],
    rows: lanes.map((lane) => [
      `${lane.name}: ${lane.target}`,
      own(lane.ownsPositions, formatCount(lane.positions)),
      own(lane.ownsPositions, formatCount(lane.atStart)),
      own(lane.ownsPositions, formatBytes(lane.bytesAhead)),
      own(lane.ownsPositions, formatCount(lane.gaps)),
      formatCount(lane.points),
      formatCount(lane.refused),
      formatCount(lane.unsupported),
      formatCount(lane.intents),
    ]),
    width,
    style,
  });
}

function list(title: string, lines: readonly string[], style: Style): string[] {
  if (lines.length === 0) return [];
  const rest = lines.length - MOST_LINES;
  return [
    style.bold(`${title} (${formatCount(lines.length)})`),
    ...lines.slice(0, MOST_LINES).map((line) => `  ${line}`),
    ...(rest > 0 ? [`  and ${formatCount(rest)} more: --json lists all of them`] : []),
  ];
}

function place({ run, name }: FileRef): string {
  return visibleText(`${runLabel(run)}/${name}`);
}

function ago(ms: number): string {
  return ms < 0 ? 'in the future' : `${formatDuration(ms)} ago`;
}

function due(ms: number): string {
  return ms <= 0 ? 'due now' : `due in ${formatDuration(ms)}`;
}

/** Returns the summary for `--json`. docs/state.md describes it: fields may be added, none change their meaning. */
function summaryJson(path: string, summary: StateSummary): object {
  const fileJson = ({ run, name }: FileRef): object => ({ root: run.root, run: run.path, file: name });
  return {
    type: 'state',
    path,
    instance_id: summary.instanceId,
    created_at: summary.createdAt,
    schema_version: summary.schemaVersion,
    status_written_ms: summary.statusWrittenMs,
    totals: { runs: summary.runs, files: summary.files, series: summary.series },
    roots: summary.roots,
    lanes: summary.lanes.map((lane) => ({
      name: lane.name,
      target: lane.target,
      owns_positions: lane.ownsPositions,
      positions: lane.positions,
      at_start: lane.atStart,
      bytes_ahead: lane.bytesAhead,
      gaps: lane.gaps,
      points: lane.points,
      handles: lane.handles,
      replaced: lane.replaced,
      refused: lane.refused,
      unsupported: lane.unsupported,
      intents: lane.intents,
    })),
    damage: summary.damage.map((entry) => ({ ...fileJson(entry), ...entry.damage, pending: isPending(entry.damage) })),
    gaps: summary.gaps.map((entry) => ({ lane: entry.lane, target: entry.target, ...fileJson(entry), ...entry.gap })),
    retries: summary.retries.map((entry) => ({ ...fileJson(entry), attempts: entry.attempts, next_ms: entry.nextMs })),
  };
}
