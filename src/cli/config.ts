import { existsSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { type Config, expandTemplate } from '../config/index.ts';
import { resolveRoots } from '../discover/index.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { type ResolvedLane, resolveLanes } from '../lanes/index.ts';
import { formatMemory } from '../memory/index.ts';
import { showConfig } from './config-show.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { exitCodeOf, type Finding, findingJson } from './finding.ts';
import { probeLane } from './probe-lane.ts';
import { type ConfigReader, readConfig, readingOnce } from './read-config.ts';
import { renderTable } from './terminal/index.ts';
import { timeoutOf } from './timeout.ts';
import { unusedFindings } from './unused-config.ts';

/** The options of `config check` and `config show`. */
interface ConfigFlags extends GlobalOptions {
  readonly online?: boolean;
  readonly timeout?: string;
}

/** The number of levels above a run from which a pattern is reported: in most layouts, that is above the root. */
const FAR = 3;
/** The run path on which templates are tried. */
const EXAMPLE_PATH = 'vision/resnet50/lr=0.1';

/** Runs `config check` and `config show`. */
export async function configCommand(action: 'check' | 'show', flags: ConfigFlags, context: CommandContext): Promise<void> {
  const readFile = readingOnce();
  const config = await readConfig(flags, context, { readFile, isSilent: action === 'check' });
  const lanes = await resolveLanes(config, context.env);
  if (action === 'show') await showConfig(config, lanes, flags, context);
  else await check(config, lanes, flags, context, readFile);
}

/** Validates a configuration, and with `--online` checks that its trackers answer. */
async function check(
  config: Config,
  lanes: readonly ResolvedLane[],
  flags: ConfigFlags,
  context: CommandContext,
  readFile: ConfigReader,
): Promise<void> {
  const { stdout, env } = context;
  const unused = await unusedFindings(config, flags, context, readFile);
  const findings = [
    ...fileFindings(config),
    ...variableFindings(config),
    ...rootFindings(config),
    ...laneFindings(config, lanes),
    ...ruleFindings(config),
    ...farFindings(config),
    ...memoryFindings(config),
    ...unused,
  ];
  if (flags.online === true) {
    const timeoutMs = timeoutOf(flags.timeout);
    const work = { env, timeoutMs, signal: new AbortController().signal };
    for (const finding of await Promise.all(lanes.map((lane) => probeLane(lane, work)))) findings.push({ ...finding, area: 'online' });
  }
  // A tracker that exists and refuses says nothing about the configuration, so the check was not possible either.
  const offline = exitCodeOf(
    findings.filter(({ area }) => area !== 'online'),
    ExitCode.wrongUse,
  );
  const online = exitCodeOf(
    findings.filter(({ area }) => area === 'online'),
    ExitCode.couldNotJudge,
  );
  context.exitCode = offline === ExitCode.done ? online : offline;
  if (flags.json === true) {
    const document = { type: 'config_check', file: config.file ?? null, profile: config.profile ?? null, online: flags.online === true };
    await writeOut(stdout, `${JSON.stringify({ ...document, checks: findings.map(findingJson), exit_code: context.exitCode })}\n`);
    return;
  }
  const style = styleOf(stdout, flags, env);
  const table = renderTable({
    columns: [{ title: 'Check' }, { title: 'Result' }, { title: 'Found' }],
    rows: findings.flatMap(({ area, name, state, text, more = [], hint }) => [
      [name === '' ? area : `${area} ${name}`, state, text],
      ...more.map((line) => ['', '', line]),
      ...(hint === undefined || state === 'ok' ? [] : [['', '', `hint: ${hint}`]]),
    ]),
    style,
  });
  const verdict =
    context.exitCode === ExitCode.done ? style.green('The configuration is valid.') : style.red('The configuration has problems.');
  const next = flags.online === true || lanes.length === 0 ? '' : ' To check its trackers too: config check --online';
  await writeOut(stdout, `${table}\n\n${verdict}${next}\n`);
}

function fileFindings({ file, profile, notices, lanes }: Config): Finding[] {
  const names = [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
  return [
    {
      area: 'file',
      name: '',
      state: notices.length > 0 ? 'note' : 'ok',
      text: file === undefined ? 'no file: using the defaults' : `${file} is valid, and its variables are set`,
      more: notices,
    },
    {
      area: 'profile',
      name: profile ?? '',
      state: 'ok',
      text: profile === undefined ? 'none in use' : 'in use',
    },
    { area: 'lanes', name: '', state: 'ok', text: names.join(', '), facts: { lanes: names } },
  ];
}

function variableFindings({ unknownVariables }: Config): Finding[] {
  return unknownVariables.map((text) => ({ area: 'variable', name: '', state: 'problem', text }));
}

function rootFindings({ roots }: Config): Finding[] {
  if (roots.length === 0) return [{ area: 'roots', name: '', state: 'ok', text: 'none: give them on the command line' }];
  const findings = roots.map((root): Finding => {
    const name = root.name ?? root.path;
    try {
      const [resolved] = resolveRoots([root], []);
      return { area: 'root', name, state: 'ok', text: `${resolved?.path ?? root.path} exists` };
    } catch (error) {
      return { area: 'root', name, state: 'problem', text: messageOf(error), hint: error instanceof MirrorError ? error.hint : undefined };
    }
  });
  if (findings.some(({ state }) => state !== 'ok')) return findings;
  try {
    resolveRoots(roots, []);
    return findings;
  } catch (error) {
    return [
      ...findings,
      { area: 'roots', name: '', state: 'problem', text: messageOf(error), hint: error instanceof MirrorError ? error.hint : undefined },
    ];
  }
}

/**
 * Returns a note for rules that name a built-in lane which is not in this configuration: data that only this lane
 * gets goes nowhere.
 */
function ruleFindings({ routes, params, artifacts, lanes, unusedLanes }: Config): Finding[] {
  const known = ['local', ...lanes.trackers.map(({ name }) => name), ...unusedLanes];
  const rules = [
    ...routes.map(({ location, on, lanes: only, except, base, assign }) => {
      const groups = Object.values(assign?.groups ?? {}).flat();
      return { location, names: [...(on ?? []), ...(only ?? []), ...(except ?? []), ...(base === undefined ? [] : [base]), ...groups] };
    }),
    ...[...params, ...artifacts].map(({ location, lanes: names = [] }) => ({ location, names })),
  ];
  return rules.flatMap(({ location, names }) =>
    [...new Set(names)]
      .filter((name) => !known.includes(name))
      .map(
        (name): Finding => ({
          area: 'rule',
          name: '',
          state: 'note',
          text: `${location}: no lane named ${name} in this configuration`,
        }),
      ),
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Returns a finding if the limit is above the memory of the machine: such a limit has no effect. */
function memoryFindings({ memory }: Config, total = totalmem()): Finding[] {
  if (memory === undefined || memory <= total) return [];
  return [
    {
      area: 'memory',
      name: '',
      state: 'note',
      text: `${formatMemory(memory)} is more than the memory of this machine, ${formatMemory(total)}`,
    },
  ];
}

/**
 * Returns a finding for patterns that lead so far above a run that few layouts are that deep: nothing above a root is
 * searched.
 */
function farFindings({ params, artifacts }: Config): Finding[] {
  return [...params, ...artifacts].flatMap(({ location, files }) =>
    files.flatMap((file): Finding[] => {
      const levels = (/^(?:\.\.\/)*/.exec(file)?.[0].length ?? 0) / '../'.length;
      if (levels < FAR) return [];
      const text = `${location}: ${JSON.stringify(file)} needs runs at least ${levels} directories below their log directory`;
      return [{ area: 'rule', name: '', state: 'note', text }];
    }),
  );
}

function laneFindings(config: Config, lanes: readonly ResolvedLane[]): Finding[] {
  const { local } = config.lanes;
  const run = { root: config.roots[0]?.name ?? 'logs', path: EXAMPLE_PATH, project: config.project };
  return [
    ...(local === undefined
      ? []
      : [
          {
            area: 'lane',
            name: 'local',
            state: isFolder(local.path) ? 'problem' : 'ok',
            text: isFolder(local.path)
              ? `${local.path} is a folder, but the store must be a file`
              : existsSync(local.path)
                ? `into ${local.path}`
                : `into ${local.path}, which will be created`,
            facts: { target: local.path },
          } as const,
        ]),
    ...lanes.map((lane): Finding => {
      const group = lane.group === undefined ? undefined : expandTemplate(lane.group, run);
      const name = expandTemplate(lane.runName, run);
      const tags = Object.entries(lane.tags).map(([tag, value]) => (value === '' ? tag : `${tag}=${value}`));
      return {
        area: 'lane',
        name: lane.name,
        state: 'ok',
        text: `${lane.type.type} at ${lane.target}`,
        more: [
          `the run ${EXAMPLE_PATH} would be ${JSON.stringify(name)} in ` +
            `${group === undefined ? "the tracker's default" : JSON.stringify(group)}`,
          ...(tags.length === 0 ? [] : [`with the tags ${tags.join(', ')}`]),
        ],
        facts: { type: lane.type.type, target: lane.target, example: { path: EXAMPLE_PATH, name, group: group ?? null }, tags: lane.tags },
      };
    }),
  ];
}
