import { type Config, type FileSettings, withoutUserInfo } from '../config/index.ts';
import { writtenDuration } from '../duration.ts';
import type { ResolvedLane } from '../lanes/index.ts';
import { formatMemory, memoryOf } from '../memory/index.ts';
import { shardText } from '../model/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { renderTable } from './terminal/index.ts';

/** A setting that has no settings below it. */
interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
  /** True for a setting of a lane or a profile that is not used. */
  readonly isUnused?: boolean;
}

const REDACTED = '[redacted]';

/** Prints every value and its source; secrets are not shown. */
export async function showConfig(
  config: Config,
  lanes: readonly ResolvedLane[],
  flags: GlobalOptions,
  context: CommandContext,
): Promise<void> {
  const rows = rowsOf(config, lanes);
  if (flags.json === true) {
    const values = rows.map(({ key, value, source, isUnused = false }) => ({
      key,
      value: value ?? null,
      source,
      ...(isUnused ? { in_use: false } : {}),
    }));
    const document = { type: 'config', file: config.file ?? null, profile: config.profile ?? null, values };
    await writeOut(context.stdout, `${JSON.stringify(document)}\n`);
    return;
  }
  const table = renderTable({
    columns: [{ title: 'Setting' }, { title: 'Value' }, { title: 'From' }],
    rows: rows.map(({ key, value, source, isUnused = false }) => [key, valueText(value), isUnused ? `${source}, not used` : source]),
    style: styleOf(context.stdout, flags, context.env),
  });
  await writeOut(context.stdout, `${table}\n`);
}

function rowsOf(config: Config, lanes: readonly ResolvedLane[]): Row[] {
  const rows = [
    row(config, 'config', config.file),
    row(config, 'profile', config.profile),
    ...Object.values(SETTINGS).flatMap((make) => make(config, lanes)),
    row(config, 'state', config.state.path),
    row(config, 'shard', config.rules.shard && shardText(config.rules.shard)),
  ];
  return rows.map((one) => (config.hiddenLocations.has(one.source) && one.value !== undefined ? { ...one, value: REDACTED } : one));
}

/** The rows of each key at the top of a file: a new key does not compile without its rows. */
const SETTINGS: Readonly<Record<keyof FileSettings, (config: Config, lanes: readonly ResolvedLane[]) => readonly Row[]>> = {
  project: (config) => [row(config, 'project', config.project)],
  roots: rootRows,
  include: (config) => [row(config, 'include', config.rules.include)],
  exclude: (config) => [row(config, 'exclude', config.rules.exclude)],
  ignore: (config) => [row(config, 'ignore', config.rules.ignore)],
  links: (config) => [row(config, 'links', config.links)],
  replaced: (config) => [row(config, 'replaced', config.replaced)],
  scan_interval: (config) => [row(config, 'scan_interval', writtenDuration(config.scanIntervalMs))],
  run_ended_after: (config) => [row(config, 'run_ended_after', writtenDuration(config.runEndedAfterMs))],
  shutdown_grace: (config) => [row(config, 'shutdown_grace', writtenDuration(config.shutdownGraceMs))],
  reload: (config) => [row(config, 'reload', config.reload)],
  moved: (config) => [row(config, 'moved', config.moved)],
  tags: (config) => Object.entries(config.tags).map(([tag, value]) => row(config, `tags.${tag}`, value)),
  runs: (config) => [
    row(config, 'runs.experiment', config.runs.experiment),
    row(config, 'runs.name', config.runs.name),
    row(config, 'runs.parent', config.runs.parent),
    row(config, 'runs.fold', config.fold.names),
    row(config, 'runs.fold_flat', config.fold.flat),
    row(config, 'runs.fold_hparams', config.fold.hparams),
  ],
  lanes: (config, lanes) => [
    row(config, 'lanes', [...(config.lanes.local === undefined ? [] : ['local']), ...config.lanes.trackers.map(({ name }) => name)]),
    ...(config.lanes.local === undefined
      ? []
      : [row(config, 'lanes.local.path', config.lanes.local.path), row(config, 'lanes.local.media_path', config.lanes.local.mediaPath)]),
    ...lanes.flatMap((lane) => laneRows(config, lane)),
    ...writtenRows(config, ''),
  ],
  routes: (config) => ruleRows(config, 'routes', config.routes),
  params: (config) =>
    ruleRows(
      config,
      'params',
      config.params.map(({ files, tags, ...rule }) => ({ ...(tags.length > 0 ? { tag: tags } : { files }), ...rule })),
    ),
  artifacts: (config) => ruleRows(config, 'artifacts', config.artifacts),
  profiles: (config) => [row(config, 'profiles', config.profiles), ...writtenRows(config, 'profiles.')],
  memory: (config) => [row(config, 'memory', formatMemory(memoryOf(config.memory)))],
  umask: (config) => [row(config, 'umask', config.umask.toString(8).padStart(3, '0'))],
  log: (config) => [row(config, 'log.level', config.log.level), row(config, 'log.format', config.log.format)],
  // Other names of the settings above: their values are shown there.
  shared_tags: () => [],
  backend: () => [],
  backends: () => [],
  config: () => [],
};

function row({ locations }: Pick<Config, 'locations'>, key: string, value: unknown): Row {
  return { key, value, source: locations.get(key) ?? 'default' };
}

/** Returns the rows of the file's settings below `profiles.`, or of unused lanes. */
function writtenRows({ written }: Config, prefix: '' | 'profiles.'): Row[] {
  return written
    .filter(({ key }) => key.startsWith('profiles.') === (prefix !== ''))
    .map(({ key, value, location, isInUse }) => ({ key, value: shownText(value), source: location, isUnused: !isInUse }));
}

function shownText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shownText);
  return typeof value === 'string' ? withoutUserInfo(value) : value;
}

/**
 * Returns the rows of the roots in use; the file's settings of its own roots also apply to those of the command line.
 */
function rootRows(config: Config): Row[] {
  const { roots, rules, locations } = config;
  const source = (i: number): string => locations.get(`roots[${i}]`) ?? locations.get('roots') ?? 'default';
  return [
    ...(roots.length === 0 ? [row(config, 'roots', [])] : []),
    ...roots.flatMap(({ path, name, links }, i) => [
      { key: `roots[${i}]`, value: name === undefined ? path : `${name}=${path}`, source: source(i) },
      ...(links === undefined ? [] : [{ key: `roots[${i}].links`, value: links, source: source(i) }]),
    ]),
    ...rules.roots.flatMap(({ path: _, name: __, links: ___, runEndedAfterMs, ...rest }, i) =>
      below(config, `roots[${i}]`, {
        ...rest,
        ...(runEndedAfterMs === undefined ? {} : { run_ended_after: writtenDuration(runEndedAfterMs) }),
      }).map((one) => ({ ...one, source: source(i) })),
    ),
  ];
}

function laneRows(config: Config, lane: ResolvedLane): Row[] {
  const { locations, lanes } = config;
  const at = `lanes.${lane.name}`;
  const type = lanes.trackers.find(({ name }) => name === lane.name)?.type;
  const from = (...keys: string[]): string => keys.map((key) => locations.get(key)).find((location) => location !== undefined) ?? 'default';
  const joins = lane.joins.map(({ waitMs, ...rule }) => ({ ...rule, wait: waitMs / 1000 }));
  return [
    { key: `${at}.type`, value: type, source: locations.get(`${at}.type`) ?? "the lane's name" },
    { key: `${at}.run_name`, value: lane.runName, source: from(`${at}.run_name`, 'runs.name') },
    // If the type has a setting of its own for it, that one is shown.
    ...(lane.shown.some(({ key }) => lane.type.groupKeys?.includes(key) === true)
      ? []
      : [{ key: `${at}.experiment`, value: lane.group, source: from(`${at}.experiment`, 'runs.experiment', 'project') }]),
    ...Object.entries(lane.tags).map(([tag, value]) => ({
      key: `${at}.tags.${tag}`,
      value,
      source: from(`${at}.tags.${tag}`, `${at}.tags`, `tags.${tag}`),
    })),
    ...(joins.length === 0 ? [row(config, `${at}.join`, [])] : []),
    ...joins.flatMap((rule, i) => below(config, `${at}.join[${i}]`, rule).map((one) => ({ ...one, source: from(`${at}.join`) }))),
    ...lane.shown.map(({ key, value, source }) => ({ key: `${at}.${key}`, value, source })),
  ];
}

/** Returns the rows of a list of rules, setting by setting; each has its location. */
function ruleRows(config: Config, key: string, rules: readonly { readonly location: string }[]): Row[] {
  if (rules.length === 0) return [row(config, key, [])];
  return rules.flatMap(({ location, ...rule }, i) => below(config, `${key}[${i}]`, rule).map((one) => ({ ...one, source: location })));
}

/** Returns the rows below a key, down to single values and lists of them, under their names in a file. */
function below(config: Config, key: string, value: unknown): Row[] {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null)) {
    return value.flatMap((item, i) => below(config, `${key}[${i}]`, item));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [row(config, key, value)];
  // Groups and tags keep the names that the configuration gave them; all others are ours, and `mostBytes` is
  // `most_bytes` in a file.
  const isGiven = /\.(?:groups|weights|model_tags)$/.test(key);
  return Object.entries(value).flatMap(([name, one]) => below(config, `${key}.${isGiven ? name : settingName(name)}`, one));
}

function settingName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(String).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
