import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linksOf } from '../config/index.ts';
import type { Handle } from '../contract/index.ts';
import { DANGLING } from '../discover/index.ts';
import { ExitCode } from '../errors.ts';
import { resolveLanes } from '../lanes/index.ts';
import { isPending, runLabel } from '../model/index.ts';
import { laneIn, type StatusReport, statusReport } from '../overview/index.ts';
import { type FoundDamage, type LanePosture, pausedJson } from '../status/index.ts';
import { textWidth } from '../text-width.ts';
import { trackersOf } from './chosen-trackers.ts';
import { type CommandContext, type GlobalOptions, programName, styleOf, writeOut } from './context.ts';
import { damageRemedy, LET_READ } from './damage-remedy.ts';
import { Interrupt } from './interrupt.ts';
import { lagLimitOf } from './lag-limit.ts';
import { blockOf, healthOf, lastJson, paceCells, pausedSince, runningJson, stateLines } from './lane-words.ts';
import { commonWords, nextStep, typedWords } from './next-step.ts';
import { readConfig } from './read-config.ts';
import {
  columnsOf,
  counted,
  damageReason,
  firstFew,
  formatBytes,
  formatCount,
  formatDuration,
  nextLine,
  notificationLines,
  obstacleText,
  refusedFileJson,
  refusedFileText,
  renderTable,
  type Style,
  unsupportedFileText,
  visibleText,
  wrapText,
} from './terminal/index.ts';

/** The options of `status`. */
interface StatusFlags extends GlobalOptions {
  readonly watch?: boolean;
  /** The lag of a lane above which the exit code is 1. */
  readonly maxLag?: string;
}

const REFRESH_MS = 2000;
const MOST_PLACES = 20;
/** The most links in JSON: a directory may be full of them. */
const MOST_LEFT = 100;

/** Shows lanes and their lag, roots, damaged or pending data, and what the user can do about it. */
export async function statusCommand(flags: StatusFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const maxLagMs = lagLimitOf(flags.maxLag);
  const config = await readConfig(flags, context, { readsState: true });
  const lanes = await resolveLanes(config, env);
  const resolved = lanes.map(({ name, type, target }) => ({ name, type: type.type, target }));
  // Only a backend knows where a tracker shows its runs. Created only for that, it sends no request.
  const made =
    flags.json === true
      ? await trackersOf(
          config,
          env,
          resolved.map(({ name }) => name),
          () => undefined,
        )
      : [];
  const trackers = resolved.map((lane) => {
    const backend = made.find(({ name }) => name === lane.name)?.backend;
    return { ...lane, ...(backend?.link === undefined ? {} : { linkOf: (handle: Handle) => backend.link?.(handle) }) };
  });
  const show = async (): Promise<void> => {
    const waiting = new Map(lanes.map(({ name, type, settings }) => [name, type.waiting?.(settings) ?? []]));
    const report = await statusReport({
      storePath: config.lanes.local?.path,
      trackers,
      statePath: config.state.path,
      rules: config.rules,
      linksOf: linksOf(config),
      nowMs: Date.now(),
    });
    if (flags.json === true) await writeOut(stdout, `${JSON.stringify(statusJson(report, waiting, nextCommand(report, flags, env)))}\n`);
    else if ((flags.quiet ?? 0) < 2) {
      if (flags.watch === true && stdout.isTTY) await writeOut(stdout, '\x1b[H\x1b[2J');
      await writeOut(
        stdout,
        statusText(report, { style: styleOf(stdout, flags, env), width: columnsOf(stdout, env), env, flags }) + waitingText(waiting),
      );
    }
    const isSilent = notAnswering(report).length > 0 && !report.roots.some((root) => root.isMissing);
    const isLate = maxLagMs !== undefined && report.lanes.some(({ lagMs }) => lagMs > maxLagMs);
    context.exitCode = isSilent && !isLate ? ExitCode.couldNotJudge : isTroubled(report) || isLate ? ExitCode.notMirrored : ExitCode.done;
  };
  try {
    await show();
    if (flags.watch !== true) return;
    using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
    while (!interrupt.signal.aborted) {
      await sleep(REFRESH_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
      if (!interrupt.signal.aborted) await show();
    }
    context.exitCode = ExitCode.done;
  } finally {
    for (const { backend } of made) await backend.close();
  }
}

/** True if data that should be in every lane cannot be read now, or is not accepted until a person acts. */
function isTroubled({ damage, roots, obstacles, lanes }: StatusReport): boolean {
  return (
    obstacles.length > 0 ||
    damage.some((item) => !isPending(item)) ||
    roots.some(({ isMissing, isEmptied }) => isMissing || isEmptied) ||
    lanes.some((lane) => isRefusing(lane) || healthOf(lane) === 'runsStopped' || blockOf(lane)?.state === 'parked')
  );
}

function isRefusing({ refused, refusedFiles }: LanePosture): boolean {
  return refused + refusedFiles.length > 0;
}

/** Returns the refused data in words: `2 points and 1 file next to the event files`. */
function refusedText(points: number, files: number): string {
  return [...(points > 0 ? [counted(points, 'point')] : []), ...(files > 0 ? [`${counted(files, 'artifact')}`] : [])].join(' and ');
}

interface TextOptions {
  readonly style: Style;
  readonly width: number | undefined;
  readonly flags: StatusFlags;
  readonly env: NodeJS.ProcessEnv;
}

/** Returns a table of the lanes; if it would be too wide, their targets are below it. */
function lanesText(report: StatusReport, style: Style, width: number | undefined): string {
  const wide = lanesTable(report, style, undefined, true);
  const isFitting = width === undefined || wide.split('\n').every((line) => textWidth(line) <= width);
  if (isFitting) return wide;
  return lanesTable(report, style, width, false);
}

function lanesTable(report: StatusReport, style: Style, width: number | undefined, isWide: boolean): string {
  const notTaken = (['refused', 'unsupported'] as const).filter((kind) => report.lanes.some((lane) => lane[kind] > 0));
  const isAnyAtWork = report.lanes.some(({ isDriven, lagBytes }) => isDriven && lagBytes > 0);
  return renderTable({
    columns: [
      { title: 'Lane' },
      { title: 'State' },
      { title: 'Points', align: 'right' },
      ...notTaken.map((title) => ({ title, align: 'right' }) as const),
      { title: 'Behind', align: 'right' },
      ...(isWide ? [{ title: 'about points', align: 'right' } as const] : []),
      { title: 'lag', align: 'right' },
      ...(isAnyAtWork ? [{ title: 'rate', align: 'right' } as const, { title: 'left', align: 'right' } as const] : []),
    ],
    rows: report.lanes.map((lane) => [
      isWide ? `${lane.name} (${lane.where})` : lane.name,
      stateOf(report, lane),
      formatCount(lane.points),
      ...notTaken.map((kind) => formatCount(lane[kind])),
      lane.lagBytes === 0 ? '-' : formatBytes(lane.lagBytes),
      ...(isWide ? [lane.lagBytes === 0 || lane.lagPoints === undefined ? '-' : formatCount(lane.lagPoints)] : []),
      lane.lagMs === 0 ? '-' : formatDuration(lane.lagMs),
      ...(isAnyAtWork ? paceCells(lane) : []),
    ]),
    ...(isWide ? {} : { below: report.lanes.map(({ name, where }) => `${name}: ${where}`) }),
    width,
    style,
  });
}

function statusText(report: StatusReport, { style, width, env, flags }: TextOptions): string {
  const { watch, roots, damage } = report;
  const lanes = lanesText(report, style, width);
  const hasGone = roots.some((root) => root.filesGone > 0);
  const rootTable = renderTable({
    columns: [
      { title: 'Root' },
      { title: 'Runs', align: 'right' },
      { title: 'Files', align: 'right' },
      ...(hasGone ? [{ title: 'Gone', align: 'right' } as const] : []),
      { title: 'Points', align: 'right' },
    ],
    rows: roots.map((root) => [
      `${root.name} (${root.path})${root.isMissing ? ' MISSING' : root.isSilent ? ' DOES NOT ANSWER' : root.isEmptied ? ' EMPTY' : ''}`,
      formatCount(root.runs),
      formatCount(root.files),
      ...(hasGone ? [formatCount(root.filesGone)] : []),
      formatCount(root.points),
    ]),
    width,
    style,
  });
  const lines = [lanes, '', rootTable];
  const silent = notAnswering(report);
  if (silent.length > 0) {
    lines.push(
      '',
      style.yellow(`${counted(silent.length, 'place does', 'places do')} not answer: their state is unknown, the rest continues`),
    );
    for (const { root, path, since } of silent.slice(0, MOST_PLACES)) lines.push(`  ${visibleText(`${root}: ${path}`)}, since ${since}`);
    lines.push('  remedy: check the file server; mirroring resumes when it answers');
  }
  for (const lane of report.lanes) for (const line of stateLines(lane, report.nowMs, style)) lines.push(line);
  for (const { name, files } of roots.filter(({ isMissing }) => isMissing)) {
    const [kept, remedy] =
      files > 0
        ? ['its mirrored data is kept', 'mount it again; if it moved, give its new path as NAME=PATH']
        : ['nothing of it is mirrored yet', `mount it; if you do not need it, ${programName(env)} root forget ${visibleText(name)}`];
    lines.push('', style.red(`${visibleText(name)} is missing; ${kept}`), `  remedy: ${remedy}`);
  }
  for (const { name } of roots.filter(({ isEmptied }) => isEmptied)) {
    lines.push(
      '',
      style.red(`All files of ${visibleText(name)} are missing; their mirrored data is kept`),
      '  remedy: check that its file system is mounted; mirroring resumes when the files are back',
    );
  }
  const shut = shutPlaces(report);
  if (shut.length > 0) {
    lines.push('', style.red(`${counted(shut.length, 'place')} of the roots cannot be read`));
    for (const { root, path, reason } of shut.slice(0, MOST_PLACES))
      lines.push(`  ${visibleText(runLabel({ root, path }))}: ${visibleText(reason)}`);
    if (shut.length > MOST_PLACES) lines.push(`  … and ${formatCount(shut.length - MOST_PLACES)} more`);
    const isLink = (reason: string): boolean => reason.startsWith(DANGLING);
    if (shut.some(({ reason }) => !isLink(reason))) lines.push(`  remedy: ${LET_READ}`);
    if (shut.some(({ reason }) => isLink(reason))) lines.push('  remedy: remove a broken link, or point it at a file');
  }
  for (const { name, isEmptied, filesGone, filesPassedOver } of roots) {
    const shown = visibleText(name);
    if (filesGone > 0 && !isEmptied)
      lines.push(
        '',
        `${counted(filesGone, `file of ${shown} was mirrored and then deleted`, `files of ${shown} were mirrored and then deleted`)}` +
          '; the points are kept',
        `  if this is permanent, forget them: ${programName(env)} run forget --gone`,
      );
    const one = `file of ${shown} was mirrored and is now skipped`;
    const skipped = counted(filesPassedOver, one, `files of ${shown} were mirrored and are now skipped`);
    // A directory that lists nothing hides files that exist under their names: the line about the empty root is
    // enough.
    if (filesPassedOver > 0 && !isEmptied) lines.push('', `${skipped}: mirrorboard inspect shows why; the points are kept`);
  }
  const cut = damage.filter(({ reason }) => reason === 'cut');
  if (cut.length > 0) {
    lines.push('', style.yellow(`${counted(cut.length, 'file is', 'files are')} shorter than the mirrored part; the points are kept`));
    for (const { run, file, start, end } of cut.slice(0, MOST_PLACES))
      lines.push(`  ${visibleText(`${runLabel(run)}/${file}`)}: ${formatBytes(start)} of ${formatBytes(end)}`);
    if (cut.length > MOST_PLACES) lines.push(`  … and ${formatCount(cut.length - MOST_PLACES)} more`);
    lines.push('  normal while a program rewrites the file; otherwise it was truncated: copy it again from its source');
  }
  const pending = damage.filter((item) => isPending(item) && item.reason !== 'cut');
  const damaged = damage.filter((item) => !isPending(item));
  if (pending.length > 0)
    lines.push('', `${counted(pending.length, 'file ends', 'files end')} in an incomplete record: normal while a writer is running`);
  if (damaged.length > 0) {
    const them = damaged.length === 1 ? 'it' : 'them';
    const again = isWritten(report)
      ? damaged.length === 1
        ? 'mirrorboard retries it, and mirrors it when it becomes readable'
        : 'mirrorboard retries them, and mirrors them when they become readable'
      : `the next backfill or watch retries ${them}`;
    lines.push('', style.red(`${counted(damaged.length, 'place')} cannot be read; ${again}`));
    for (const item of damaged.slice(0, MOST_PLACES))
      lines.push(`  ${visibleText(`${runLabel(item.run)}/${item.file}`)}, offset ${item.start}: ${damageReason(item)}`);
    if (damaged.length > MOST_PLACES) lines.push(`  … and ${formatCount(damaged.length - MOST_PLACES)} more`);
    for (const remedy of remediesOf(damaged)) lines.push(`  remedy: ${remedy}`);
  }
  for (const { name, refused, refusedFiles } of report.lanes.filter(isRefusing)) {
    lines.push('', style.red(`${visibleText(name)} refused ${refusedText(refused, refusedFiles.length)} that it should store`));
    for (const line of firstFew(refusedFiles.map(refusedFileText))) lines.push(line);
    lines.push(`  remedy: ${programName(env)} verify --lane ${visibleText(name)} --repair retries them`);
  }
  for (const { name, unsupportedFiles } of report.lanes.filter((lane) => lane.unsupportedFiles.length > 0)) {
    const files = counted(unsupportedFiles.length, 'artifact');
    lines.push('', `${visibleText(name)} does not support ${files}, or registering them as models or datasets`);
    for (const line of firstFew(unsupportedFiles.map(unsupportedFileText))) lines.push(line);
  }
  for (const { name, runsReplaced } of report.lanes.filter((lane) => lane.runsReplaced > 0))
    lines.push(
      '',
      `${counted(runsReplaced, 'run')} of ${name} ${runsReplaced === 1 ? 'has' : 'have'} a new tracker run because ` +
        `files were replaced; the tracker keeps the old one as finished`,
    );
  const notifications = watch?.isRunning === true ? notificationLines(watch.document['roots']) : [];
  if (notifications.length > 0) lines.push('', notifications.join('\n'));
  const left = report.left.map((obstacle) => obstacleText({ ...obstacle, path: `${obstacle.root}/${obstacle.path}` }));
  if (left.length > 0) lines.push('', style.yellow('Not followed:'), firstFew(left).join('\n'));
  const tables = lines.slice(0, 3);
  const sentences = lines.slice(3).map((line) => wrapText(line, width, 2));
  return `${[...tables, ...sentences, '', nextLine(nextCommand(report, flags, env), style)].join('\n')}\n`;
}

/** Returns the places that do not answer, as this command or a running watch sees it. */
function notAnswering({ watch, notAnswering: seen }: StatusReport): readonly { root: string; path: string; since: string }[] {
  const silent = watch?.isRunning === true ? watch.document['not_answering'] : undefined;
  const all = new Map<string, { root: string; path: string; since: string }>();
  for (const { root, path, sinceMs } of seen) all.set(path, { root, path, since: new Date(sinceMs).toISOString() });
  if (Array.isArray(silent))
    for (const { root, path, since } of silent) all.set(String(path), { root: String(root), path: String(path), since: String(since) });
  return [...all.values()];
}

/** Returns the places that cannot be checked, without those that do not answer: these have their own lines. */
function shutPlaces(report: StatusReport): StatusReport['obstacles'] {
  const silent = new Set(notAnswering(report).map(({ path }) => path));
  const places = new Map(report.roots.map(({ name, path }) => [name, path]));
  return report.obstacles.filter(({ root, path }) => !silent.has(join(places.get(root) ?? '', path)));
}

function stateOf({ watch }: StatusReport, lane: LanePosture): string {
  if (pausedSince(lane) !== undefined) return 'paused';
  if (lane.isDriven) return String(lane.snapshot?.lane['state'] ?? 'active');
  if (watch?.isRunning === true) return String(laneIn(watch.document, lane)?.['state'] ?? 'not watched');
  const stood = blockOf(lane);
  return stood === undefined ? 'no watch running' : `was ${stood.state}`;
}

/** True if a process is mirroring now: it retries temporary failures itself. */
function isWritten({ watch, lanes }: StatusReport): boolean {
  return watch?.isRunning === true || lanes.some(({ isDriven }) => isDriven);
}

/** Returns the command to type now. */
function nextCommand(report: StatusReport, flags: StatusFlags, env: NodeJS.ProcessEnv): string {
  const { lanes, roots, obstacles, damage } = report;
  const rootPaths = new Map(roots.map(({ name, path }) => [name, path]));
  const damaged = damage.filter((item) => !isPending(item) && item.reason !== 'unreadable');
  return nextStep(
    {
      typed: typedWords('status', [], flags),
      common: commonWords(flags),
      roots: roots.filter(({ isMissing }) => !isMissing).map(({ path }) => path),
      isDriven: isWritten(report),
      missing: roots.filter(({ isMissing }) => isMissing).map(({ name }) => name),
      isShut: obstacles.length > 0 || roots.some(({ isEmptied }) => isEmptied) || damage.some(({ reason }) => reason === 'unreadable'),
      lanes: lanes.map((lane) => ({ name: lane.name, health: healthOf(lane) })),
      refusing: lanes.find(isRefusing)?.name,
      damaged: damaged.map(({ run, file }) => join(rootPaths.get(run.root) ?? '', run.path, file)),
      isNew: roots.length === 0,
      hasPending: lanes.some((lane) => lane.lagBytes > 0 && pausedSince(lane) === undefined),
      paused: lanes.find((lane) => pausedSince(lane) !== undefined)?.name,
      confirmed: 'how it stands',
    },
    programName(env),
  );
}

/** Returns a text about data that stays on this machine until a person sends it on. */
function waitingText(waiting: ReadonlyMap<string, readonly string[]>): string {
  return [...waiting]
    .filter(([, commands]) => commands.length > 0)
    .map(([lane, commands]) => {
      const shown = commands.slice(0, MOST_PLACES).map((command) => `  ${visibleText(command, { whole: true })}\n`);
      const more = commands.length > MOST_PLACES ? `  … and ${commands.length - MOST_PLACES} more\n` : '';
      return `\nLane ${lane}: ${formatCount(commands.length)} to send manually\n${shown.join('')}${more}`;
    })
    .join('');
}

function statusJson(report: StatusReport, waiting: ReadonlyMap<string, readonly string[]>, next: string): object {
  const { watch, roots, damage, nowMs } = report;
  return {
    type: 'status',
    lanes: report.lanes.map((lane) => {
      const stood = blockOf(lane);
      return {
        name: lane.name,
        type: lane.type,
        where: lane.where,
        state:
          pausedSince(lane) !== undefined
            ? 'paused'
            : lane.isDriven
              ? (lane.snapshot?.lane['state'] ?? 'active')
              : watch?.isRunning === true
                ? 'not watched'
                : 'idle',
        code: stood?.code ?? null,
        reason: stood?.reason ?? null,
        remedy: stood === undefined ? (lane.isDriven ? null : next) : stood.remedy,
        paused: pausedJson(lane.pauses),
        points: lane.points,
        refused: lane.refused,
        unsupported: lane.unsupported,
        refused_files: lane.refusedFiles.map(refusedFileJson),
        unsupported_files: lane.unsupportedFiles.map(refusedFileJson),
        runs_replaced: lane.runsReplaced,
        lag_bytes: lane.lagBytes,
        lag_points_estimate: lane.lagPoints ?? null,
        lag_seconds: lane.lagMs / 1000,
        lag_since: lane.lagMs === 0 ? null : new Date(nowMs - lane.lagMs).toISOString(),
        runs_behind: lane.runsBehind,
        ...runningJson(lane),
        last: lane.snapshot === undefined ? null : lastJson(lane.snapshot),
        files: lane.files ?? null,
        links: lane.links.map(({ run, url }) => ({ root: run.root, run: run.path, url })),
        waiting: waiting.get(lane.name) ?? [],
      };
    }),
    watch:
      watch === undefined
        ? null
        : { running: watch.isRunning, written_at: new Date(watch.writtenAtMs).toISOString(), status: watch.document },
    roots: roots.map(({ name, path, isMissing, isEmptied, runs, files, filesGone, filesPassedOver, points }) => ({
      name,
      path,
      missing: isMissing,
      emptied: isEmptied,
      runs,
      files,
      files_gone: filesGone,
      files_passed_over: filesPassedOver,
      points,
    })),
    unreadable: report.obstacles.map(({ root, path, reason }) => ({ root, path, reason })),
    not_followed: report.left.slice(0, MOST_LEFT).map(({ root, path, reason }) => ({ root, path, reason })),
    not_followed_in_all: report.left.length,
    not_answering: notAnswering(report),
    next,
    damage: damage.map(({ run, file, ...item }) => ({
      root: run.root,
      run: run.path,
      file,
      start: item.start,
      end: item.end,
      reason: item.reason,
      detail: item.detail ?? null,
      pending: isPending(item),
      remedy: damageRemedy(item) ?? null,
    })),
  };
}

/** Returns each remedy once. If a reason contains its remedy, no line repeats it. */
function remediesOf(damaged: readonly FoundDamage[]): readonly string[] {
  const remedies = damaged.map((item) => ({ remedy: damageRemedy(item), detail: item.detail ?? '' }));
  return [...new Set(remedies.flatMap(({ remedy, detail }) => (remedy === undefined || detail.endsWith(remedy) ? [] : [remedy])))];
}
