import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Config, linksOf, parseRoot } from '../config/index.ts';
import { ExitCode } from '../errors.ts';
import { type ResolvedLane, resolveLanes } from '../lanes/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { fileFindings } from './doctor-files.ts';
import { rootFindings } from './doctor-roots.ts';
import { exitCodeOf, type Finding, failureFinding, findingJson, findingLines } from './finding.ts';
import { Interrupt } from './interrupt.ts';
import { type LaneWork, withBackend } from './lane-backend.ts';
import { probeLane } from './probe-lane.ts';
import { readConfig } from './read-config.ts';
import { columnsOf, wrapText } from './terminal/index.ts';
import { timeoutOf } from './timeout.ts';
import { tryRun } from './trial-run.ts';

/** The options of `doctor`. */
interface DoctorFlags extends GlobalOptions {
  readonly write?: boolean;
  readonly timeout?: string;
}

/** The time limit of a trial as a multiple of a probe's: a trial takes several requests. */
const TRIAL_TIMES = 3;
/** The time that an aborted trial may take to remove its run. */
const TRIAL_GRACE_MS = 10_000;

/** Checks roots, our own files and trackers. Writes nothing unless the user asks for it. */
export async function doctorCommand(roots: readonly string[], flags: DoctorFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const timeoutMs = timeoutOf(flags.timeout);
  const config = await readConfig(flags, context);
  const requests = roots.length > 0 ? roots.map((root) => parseRoot(root, existsSync)) : config.roots;
  const lanes = await resolveLanes(config, env);
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const work = { env, timeoutMs, signal: interrupt.signal };
  const findings = [
    ...(requests.length > 0 ? await rootFindings(requests, config.rules, linksOf(config)) : [NO_ROOTS]),
    ...(await fileFindings(config)),
    ...(await Promise.all(lanes.map((lane) => laneFinding(lane, work)))),
  ];
  if (flags.write === true) {
    const root = requests[0]?.name ?? (requests[0] === undefined ? 'logs' : basename(resolve(requests[0].path)));
    const reachable = lanes.filter(({ name }) =>
      findings.some((finding) => finding.area === 'lane' && finding.name === name && isWell(finding)),
    );
    const trials = reachable.map((lane) => trialFinding(lane, config, { ...work, root }));
    for (const finding of await Promise.all(trials)) findings.push(finding);
  }
  context.exitCode = interrupt.signal.aborted ? ExitCode.interrupted : exitCodeOf(findings);
  if (flags.json === true) {
    await writeOut(stdout, `${JSON.stringify({ type: 'doctor', findings: findings.map(findingJson), exit_code: context.exitCode })}\n`);
    return;
  }
  const [style, width] = [styleOf(stdout, flags, env), columnsOf(stdout, env)];
  const sections = SECTIONS.flatMap(([area, title]) => {
    const lines = findingLines(
      findings.filter((finding) => finding.area === area),
      style,
      width,
    );
    return lines.length === 0 ? [] : [[style.bold(title), ...lines].join('\n')];
  });
  await writeOut(stdout, `${sections.join('\n')}\n\n${wrapText(verdict(findings, flags, lanes), width)}\n`);
}

const SECTIONS = [
  ['root', 'Log directories'],
  ['file', 'Store and state'],
  ['lane', 'Trackers'],
  ['trial', 'Test runs'],
] as const;

const NO_ROOTS: Finding = {
  area: 'root',
  name: '',
  state: 'note',
  text: 'none given: add roots on the command line or in the configuration',
};

/** Returns the finding of a lane's tracker, with the losses there. */
async function laneFinding(lane: ResolvedLane, work: LaneWork): Promise<Finding> {
  const finding = await probeLane(lane, work);
  const losses = finding.facts?.['losses'];
  return { ...finding, more: [...(finding.more ?? []), ...(Array.isArray(losses) ? losses.map(String) : [])] };
}

function isWell({ state }: Finding): boolean {
  return state === 'ok' || state === 'note';
}

async function trialFinding(lane: ResolvedLane, { project }: Config, work: LaneWork & { readonly root: string }): Promise<Finding> {
  try {
    const { points, differences, noHistograms, left, group, notes } = await withBackend(
      lane,
      { ...work, timeoutMs: work.timeoutMs * TRIAL_TIMES, graceMs: TRIAL_GRACE_MS },
      async (backend, signal) => {
        // A backend checks its target before it is used, as for a pass.
        const before = await backend.probe(signal);
        const trial = await tryRun(backend, lane, { root: work.root, project, nowMs: Date.now(), signal });
        // After the trial, a probe may have more notes.
        const after = await backend.probe(signal);
        return { ...trial, notes: after.notes.filter((note) => !before.notes.includes(note)) };
      },
    );
    const isSame = differences.length === 0;
    return {
      area: 'trial',
      name: lane.name,
      state: isSame ? (left === undefined && noHistograms === undefined && notes.length === 0 ? 'ok' : 'note') : 'problem',
      text:
        `wrote ${points} points to a test run in ` +
        `${group === '' ? "the tracker's default" : JSON.stringify(group)} and ` +
        `${isSame ? 'read them back correctly' : 'did not read all of them back correctly'}`,
      more: [
        ...differences,
        ...(noHistograms === undefined ? [] : [`The tracker rejected a histogram: ${noHistograms}.`]),
        ...notes,
        left === undefined
          ? 'mirrorboard deleted the test run. It may have created the experiment.'
          : `The test run ${left} remains: this tracker cannot delete it.`,
      ],
      hint: isSame ? undefined : 'A proxy between here and the tracker may change the data; verify would report this for every run.',
      facts: { points, differences, no_histograms: noHistograms ?? null, notes, left: left ?? null, group },
    };
  } catch (error) {
    return failureFinding('trial', lane.name, error);
  }
}

function verdict(findings: readonly Finding[], { write }: DoctorFlags, lanes: readonly ResolvedLane[]): string {
  const count = (state: string): number => findings.filter((finding) => finding.state === state).length;
  const words = [
    [count('problem'), 'problem', 'problems'] as const,
    [count('unreachable'), 'tracker that does not answer', 'trackers that do not answer'] as const,
  ].flatMap(([n, one, many]) => (n === 0 ? [] : [`${n} ${n === 1 ? one : many}`]));
  const unwritten = lanes.length > 0 ? ' Nothing was written; --write writes a test run to every tracker.' : ' Nothing was written.';
  const written = lanes.length > 0 ? '' : ' There is no tracker to write to; use verify to check the local store.';
  const wrote = write === true ? written : unwritten;
  const well = count('note') > 0 ? 'No problems found; see the notes.' : 'All checks passed.';
  return `${words.length === 0 ? well : `Found: ${words.join(', ')}.`}${wrote}`;
}
