import { existsSync } from 'node:fs';
import { type Config, expandTemplate } from '../config/index.ts';
import { resolveRoots } from '../discover/index.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { type ResolvedLane, resolveLanes } from '../lanes/index.ts';
import { formatMemory, memoryOf } from '../memory/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { exitCodeOf, type Finding, findingJson } from './finding.ts';
import { probeLane } from './probe-lane.ts';
import { readConfig } from './read-config.ts';
import { renderTable } from './terminal/index.ts';
import { timeoutOf } from './timeout.ts';

export interface ConfigFlags extends GlobalOptions {
  readonly online?: boolean;
  readonly timeout?: string;
}

/** On what templates are tried. */
const EXAMPLE_PATH = 'vision/resnet50/lr=0.1';

/** `config check` and `config show`. */
export async function configCommand(action: 'check' | 'show', flags: ConfigFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context);
  const lanes = await resolveLanes(config, context.env);
  if (action === 'show') await show(config, lanes, flags, context);
  else await check(config, lanes, flags, context);
}

/** Says whether a configuration would do: what is in it, and with `--online` whether its trackers are there. */
async function check(config: Config, lanes: readonly ResolvedLane[], flags: ConfigFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const findings = [...fileFindings(config), ...rootFindings(config), ...laneFindings(config, lanes)];
  if (flags.online === true) {
    const timeoutMs = timeoutOf(flags.timeout);
    const work = { env, timeoutMs, signal: new AbortController().signal };
    for (const finding of await Promise.all(lanes.map((lane) => probeLane(lane, work)))) findings.push({ ...finding, area: 'online' });
  }
  // A tracker that is there and refuses is no fault of the configuration's form, so it could not be judged either.
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
    context.exitCode === ExitCode.done ? style.green('The configuration is good.') : style.red('The configuration needs a look.');
  const next = flags.online === true || lanes.length === 0 ? '' : ' Whether its trackers are there: config check --online';
  await writeOut(stdout, `${table}\n\n${verdict}${next}\n`);
}

function fileFindings({ file, profile, notices, lanes }: Config): Finding[] {
  const names = [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
  return [
    {
      area: 'file',
      name: '',
      state: 'ok',
      text: file === undefined ? 'there is none: the defaults hold' : `${file} is sound, its variables are set`,
    },
    {
      area: 'profile',
      name: profile ?? '',
      state: notices.length > 0 ? 'note' : 'ok',
      text: profile === undefined ? 'none holds' : 'it holds',
      more: notices,
    },
    { area: 'lanes', name: '', state: 'ok', text: names.join(', '), facts: { lanes: names } },
  ];
}

function rootFindings({ roots }: Config): Finding[] {
  if (roots.length === 0) return [{ area: 'roots', name: '', state: 'ok', text: 'none: they are given on the command line' }];
  const findings = roots.map((root): Finding => {
    const name = root.name ?? root.path;
    try {
      const [resolved] = resolveRoots([root], []);
      return { area: 'root', name, state: 'ok', text: `${resolved?.path ?? root.path} is there` };
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
            state: 'ok',
            text: existsSync(local.path) ? `into ${local.path}` : `into ${local.path}, which will be made`,
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
          `the run ${EXAMPLE_PATH} would be ${JSON.stringify(name)} in ${group === undefined ? "the tracker's default" : JSON.stringify(group)}`,
          ...(tags.length === 0 ? [] : [`with the tags ${tags.join(', ')}`]),
        ],
        facts: { type: lane.type.type, target: lane.target, example: { path: EXAMPLE_PATH, name, group: group ?? null }, tags: lane.tags },
      };
    }),
  ];
}

interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

/** Every value and who said it; secrets are not shown. */
async function show(config: Config, lanes: readonly ResolvedLane[], flags: ConfigFlags, context: CommandContext): Promise<void> {
  const rows = [...valuesOf(config), ...lanes.flatMap((lane) => laneRows(config, lane))];
  if (flags.json === true) {
    const values = rows.map(({ key, value, source }) => ({ key, value: value ?? null, source }));
    await writeOut(
      context.stdout,
      `${JSON.stringify({ type: 'config', file: config.file ?? null, profile: config.profile ?? null, values })}\n`,
    );
    return;
  }
  const table = renderTable({
    columns: [{ title: 'Setting' }, { title: 'Value' }, { title: 'From' }],
    rows: rows.map(({ key, value, source }) => [key, valueText(value), source]),
    style: styleOf(context.stdout, flags, context.env),
  });
  await writeOut(context.stdout, `${table}\n`);
}

function valuesOf(config: Config): Row[] {
  const { lanes, places } = config;
  const row = (key: string, value: unknown): Row => ({ key, value, source: places.get(key) ?? 'default' });
  const names = [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
  return [
    row('config', config.file),
    row('profile', config.profile),
    row('project', config.project),
    ...(config.roots.length === 0
      ? [row('roots', [])]
      : config.roots.map((root, i) => ({
          key: `roots[${i}]`,
          value: rootText(root),
          source: places.get(`roots[${i}]`) ?? places.get('roots') ?? 'default',
        }))),
    ...config.rules.roots.flatMap(({ include, exclude, ignore }, i) => [
      ...(include === undefined ? [] : [row(`roots[${i}].include`, include)]),
      ...(exclude === undefined ? [] : [row(`roots[${i}].exclude`, exclude)]),
      ...(ignore === undefined ? [] : [row(`roots[${i}].ignore`, ignore)]),
    ]),
    row('include', config.rules.include),
    row('exclude', config.rules.exclude),
    row('ignore', config.rules.ignore),
    row('moved', config.moved),
    row('links', config.links),
    row('lanes', names),
    ...(lanes.local === undefined ? [] : [row('lanes.local.path', lanes.local.path), row('lanes.local.media_path', lanes.local.mediaPath)]),
    row('state', config.state.path),
    row('memory', formatMemory(memoryOf(config.memory))),
    row('umask', config.umask.toString(8).padStart(3, '0')),
    row('log.level', config.log.level),
    row('log.format', config.log.format),
  ];
}

function rootText({ path, name }: Config['roots'][number]): string {
  return name === undefined ? path : `${name}=${path}`;
}

function laneRows({ places, lanes }: Config, lane: ResolvedLane): Row[] {
  const at = `lanes.${lane.name}`;
  const type = lanes.trackers.find(({ name }) => name === lane.name)?.type;
  const from = (...keys: string[]): string => keys.map((key) => places.get(key)).find((place) => place !== undefined) ?? 'default';
  return [
    { key: `${at}.type`, value: type, source: places.get(`${at}.type`) ?? "the lane's name" },
    { key: `${at}.run_name`, value: lane.runName, source: from(`${at}.run_name`, 'runs.name') },
    // Where the type has a setting of its own for it, that one is shown.
    ...(lane.shown.some(({ key }) => lane.type.groupKeys?.includes(key) === true)
      ? []
      : [{ key: `${at}.experiment`, value: lane.group, source: from(`${at}.experiment`, 'runs.experiment', 'project') }]),
    ...Object.entries(lane.tags).map(([tag, value]) => ({
      key: `${at}.tags.${tag}`,
      value,
      source: from(`${at}.tags.${tag}`, `${at}.tags`, `tags.${tag}`),
    })),
    ...lane.shown.map(({ key, value, source }) => ({ key: `${at}.${key}`, value, source })),
  ];
}

function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(String).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
