import { resolve } from 'node:path';
import { linksOf } from '../config/index.ts';
import { globsOf } from '../discover/index.ts';
import { ExitCode } from '../errors.ts';
import { compareNames, type Damage, isPending, jsonText } from '../model/index.ts';
import { jobsWorthwhile } from '../workers/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { jobsOf } from './jobs.ts';
import { readConfig } from './read-config.ts';
import { findTarget, type RunSurvey, type SurveyTarget, survey, whyEmpty, whyNoRuns } from './survey.ts';
import {
  columnsOf,
  counted,
  damageBytes,
  damageReason,
  firstFew,
  formatBytes,
  formatCount,
  formatStep,
  obstacleText,
  renderTable,
  type Style,
  visibleText,
} from './terminal/index.ts';

/** The options of `inspect`. */
interface InspectFlags extends GlobalOptions {
  /** The number of runs that are read at the same time. */
  readonly jobs?: string;
  readonly format?: string;
}

/** Shows the content of event files, their damage, or the reason that there is nothing to show. */
export async function inspectCommand(path: string, flags: InspectFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const wanted = jobsOf(flags.jobs);
  const config = await readConfig(flags, context);
  const { ignore } = globsOf(config.rules, { name: '', path: resolve(path) });
  const { include = [], exclude = [] } = flags;
  const target = await findTarget(path, { links: linksOf(config)(resolve(path)), include: [...include], exclude: [...exclude], ignore });
  if (flags.format === 'json') {
    const { filesSource } = await import('./files-source.ts');
    const { writeTruthJson } = await import('../export/index.ts');
    let isValid = true;
    const source = filesSource(target, {
      onObstacle: (obstacle) => {
        isValid &&= obstacle.isLeft === true;
        context.stderr.write(`${obstacleText(obstacle)}\n`);
      },
      onFile: ({ damage }) => {
        isValid &&= damage.every(isPending);
      },
    });
    await writeTruthJson(source, (chunk) => writeOut(stdout, chunk));
    context.exitCode = isValid ? ExitCode.done : ExitCode.notMirrored;
    return;
  }
  const style = styleOf(stdout, flags, env);
  let isDamaged = target.obstacles.some(({ isLeft }) => isLeft !== true);
  const totals = { runs: 0, files: 0, bytes: 0, points: 0 };
  const found: unknown[] = [];
  const bytes = target.runs.reduce((sum, { files }) => files.reduce((size, file) => size + file.size, sum), 0);
  for await (const run of survey(target, jobsWorthwhile(wanted, { tasks: target.runs.length, bytes }))) {
    isDamaged ||= run.files.some((file) => file.outcome !== 'read' || file.state?.damage.some((damage) => !isPending(damage)));
    totals.runs++;
    totals.files += run.files.length;
    totals.bytes += run.files.reduce((sum, file) => sum + file.size, 0);
    totals.points += run.series.reduce((sum, series) => sum + series.points, 0);
    if (flags.json === true) found.push(runJson(run));
    else await writeOut(stdout, runText(run, style, columnsOf(stdout, env)));
  }
  if (flags.json === true) {
    const { obstacles, passedOver } = target;
    const places = { obstacles: obstacles as never, passed_over: passedOver as never };
    await writeOut(stdout, `${jsonText({ type: 'inspection', path, totals, runs: found as never, ...places })}\n`);
  } else {
    await writeOut(stdout, await closing(target, totals, path));
  }
  context.exitCode = isDamaged ? ExitCode.notMirrored : ExitCode.done;
}

function runText(run: RunSurvey, style: Style, width: number | undefined): string {
  const points = run.series.reduce((sum, series) => sum + series.points, 0);
  const lines = [
    style.bold(
      `${visibleText(run.path)}  ${counted(run.files.length, 'file')}, ${counted(run.series.length, 'tag')}, ${counted(points, 'point')}`,
    ),
  ];
  const why = whyEmpty(run);
  if (why !== undefined) lines.push(`  ${style.yellow(`nothing to show: ${visibleText(why)}`)}`);
  if (run.series.length > 0) {
    const table = renderTable({
      columns: [
        { title: 'Tag' },
        { title: 'Kind' },
        { title: 'Points', align: 'right' },
        { title: 'First step', align: 'right' },
        { title: 'Last step', align: 'right' },
      ],
      rows: run.series
        .toSorted((a, b) => compareNames(a.series.tag, b.series.tag))
        .map(({ series, points, firstStep, lastStep }) => [
          series.tag === '' ? '(no tag)' : series.tag,
          series.plugin === '' ? `tensor (${series.form})` : series.plugin,
          formatCount(points),
          formatStep(firstStep),
          formatStep(lastStep),
        ]),
      width: width === undefined ? undefined : width - 2,
      style,
    });
    for (const line of table.split('\n')) lines.push(`  ${line}`);
  }
  for (const file of run.files) {
    if (file.outcome !== 'read')
      lines.push(`  ${style.red(`${visibleText(file.name)}: ${file.outcome}: ${visibleText(file.reason ?? '')}`)}`);
    for (const damage of file.state?.damage ?? []) {
      const text = `${visibleText(file.name)}: ${damageWords(damage)}`;
      lines.push(`  ${isPending(damage) ? style.dim(text) : style.red(text)}`);
    }
  }
  return `${lines.join('\n')}\n\n`;
}

/** The most skipped files that are shown one by one. */
const MOST_PASSED = 20;

function damageWords(damage: Damage): string {
  return [damageReason(damage), `offset ${damage.start}`, damageBytes(damage) ?? []].flat().join(', ');
}

async function closing(
  target: SurveyTarget,
  totals: { runs: number; files: number; bytes: number; points: number },
  path: string,
): Promise<string> {
  const lines = firstFew(target.obstacles.map(obstacleText)).map((line) => line.slice(2));
  for (const { path: where, reason } of target.passedOver.slice(0, MOST_PASSED))
    lines.push(`skipped: ${visibleText(where)}: ${visibleText(reason)}`);
  if (target.passedOver.length > MOST_PASSED) lines.push(`… and ${formatCount(target.passedOver.length - MOST_PASSED)} more`);
  if (totals.runs === 0) lines.push(`No event files in ${visibleText(path)}: ${visibleText(await whyNoRuns(path))}.`);
  else
    lines.push(
      `${counted(totals.runs, 'run')}, ${counted(totals.files, 'file')}, ${formatBytes(totals.bytes)}, ${counted(totals.points, 'point')}`,
    );
  return `${lines.join('\n')}\n`;
}

function runJson(run: RunSurvey): unknown {
  return {
    run: run.path,
    why_empty: whyEmpty(run) ?? null,
    files: run.files.map(({ name, size, outcome, reason, state }) => ({
      name,
      size,
      outcome,
      reason: reason ?? null,
      records: state?.records ?? 0,
      readable_to: state?.position.watermark ?? 0,
      damage: (state?.damage ?? []).map((damage) => ({ ...damage, pending: isPending(damage) })),
      file_version: state?.fileVersion ?? null,
      writer: state?.writer ?? null,
    })),
    tags: run.series.map(({ series, points, firstStep, lastStep }) => ({
      tag: series.tag,
      plugin: series.plugin,
      form: series.form,
      points,
      first_step: firstStep,
      last_step: lastStep,
    })),
  };
}
