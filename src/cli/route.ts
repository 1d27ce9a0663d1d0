import { existsSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { openStore } from '../backends/local/index.ts';
import { suggestion } from '../closest-name.ts';
import { linksOf } from '../config/index.ts';
import { filterOf, isLetThrough, silentRoots } from '../discover/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { joinPrefixOf, LaneNames, runTarget, type TrackerLaneOptions } from '../lanes/index.ts';
import { KINDS, type Kind, pluginOf, type RunRef, runLabel } from '../model/index.ts';
import { walkPatiently } from '../reading/index.ts';
import { realPath } from '../real-path.ts';
import { type LeftOut, nameThere, type Opened, RunTree } from '../route/index.ts';
import { StateFile, type StateReader } from '../state/index.ts';
import { trackersOf } from './chosen-trackers.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { readConfig } from './read-config.ts';
import { type Seen, seenRun, seenSeries, type Witnesses } from './seen-run.ts';
import { visibleText } from './terminal/index.ts';

/** The options of `route`. */
interface RouteFlags extends GlobalOptions {
  readonly kind?: string;
}

/** A lane's treatment of a run, and of one of its series. */
interface LaneAnswer {
  readonly lane: string;
  readonly type: string;
  readonly isIncluded: boolean;
  readonly why: readonly string[];
  readonly target?: RunRef;
  readonly group?: string | undefined;
  /** The name and place: kept since it was opened, or those of an opening now. */
  readonly opened?: Pick<Opened, 'name' | 'group' | 'joins'> & { readonly isKept: boolean };
  readonly tags?: Readonly<Record<string, string>>;
  readonly parent?: string | undefined;
  readonly series?: { readonly name: string; readonly every: number; readonly why: readonly string[]; readonly left: LeftOut | undefined };
}

/** Prints for every lane if it gets a run (or one series of it), under which name, and which rules decide that. */
export async function routeCommand(what: string, tag: string | undefined, flags: RouteFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const config = await readConfig(flags, context, { readsState: true });
  const kind = flags.kind as Kind | undefined;
  if (kind !== undefined && !KINDS.includes(kind)) {
    throw new MirrorError('MB1001', `--kind: found ${JSON.stringify(kind)}, expected one of ${KINDS.join(', ')}${suggestion(kind, KINDS)}`);
  }
  const state = existsSync(config.state.path) ? StateFile.openForReading(config.state.path) : undefined;
  const storePath = config.lanes.local?.path;
  const reader = storePath !== undefined && existsSync(storePath) ? openStore(storePath) : undefined;
  const names = config.lanes.trackers.map(({ name }) => name);
  const trackers = await trackersOf(config, env, names, () => undefined);
  try {
    const given = config.roots.map(({ name, path }) => ({ name: name ?? lastPart(path), path }));
    const roots = [...given, ...(state?.roots() ?? []), ...(reader?.roots() ?? [])];
    const silent = await silentRoots(roots);
    const run = runOf(what, roots, silent, (ref) => (reader?.positions(ref).files.length ?? 0) > 0);
    const root = roots.find(({ name }) => name === run.root);
    const isThere = root !== undefined && !silent.has(root.path) && existsSync(root.path);
    const walked = isThere ? (await walkPatiently(root.path, { links: linksOf(config)(root.path) })).runs : [];
    const filter = root === undefined ? undefined : filterOf(config.rules, root);
    const mirrored = walked.filter((found) => isLetThrough(found, filter));
    const tree = new RunTree();
    // If the directory is gone, or does not answer, the store still knows its sibling runs.
    for (const { path } of isThere ? mirrored : (reader?.runs(run.root) ?? []).map((stored) => stored.run))
      tree.add({ root: run.root, path });
    const witnesses: Witnesses = {
      onDisk: new Set(walked.map(({ path }) => path)),
      store: reader === undefined || storePath === undefined ? undefined : { path: storePath, reader },
      lanes: state === undefined ? [] : trackers.map(({ name, target }) => ({ name, lane: state.lane(name, target) })),
    };
    const seen = [seenRun(run, witnesses), ...(tag === undefined ? [] : [seenSeries(run, tag, witnesses)])];
    const plugin = seen[1]?.plugin ?? pluginOf(kind ?? 'scalars');
    const answers: LaneAnswer[] = [
      ...(config.lanes.local === undefined
        ? []
        : [{ lane: 'local', type: 'local', isIncluded: true, why: ['the local store gets every run in full, under its own name'] }]),
      ...trackers.map((tracker) => answerOf(tracker, run, tag, plugin, tree, state)),
    ];
    context.exitCode = ExitCode.done;
    if (flags.json === true) await writeOut(stdout, `${JSON.stringify(routeJson(run, tag, seen, answers))}\n`);
    else await writeOut(stdout, routeText(run, tag, seen, answers, styleOf(stdout, flags, env)));
  } finally {
    state?.close();
    reader?.close();
    for (const { backend } of trackers) await backend.close();
  }
}

/** Finds a run by its path below a root, with the root's name before it if there are several, or by its directory. */
function runOf(
  what: string,
  roots: readonly { readonly name: string; readonly path: string }[],
  silent: ReadonlySet<string>,
  isStored: (run: RunRef) => boolean,
): RunRef {
  if (roots.length === 0) {
    throw new MirrorError('MB1001', 'no root is known: nothing is mirrored yet, and the configuration has no roots', {
      hint: 'Add roots to the configuration, or mirror a log directory first.',
    });
  }
  const answering = roots.filter((root) => !silent.has(root.path));
  const there = existsSync(what) ? realPath(what) : undefined;
  for (const { name, path } of answering) {
    const below = there === undefined ? undefined : relative(realPath(path), there);
    if (below !== undefined && !below.startsWith('..')) return { root: name, path: below === '' ? '.' : below.split(sep).join('/') };
  }
  const path = what.replace(/\/+$/, '') || '.';
  const named = roots.find(({ name }) => path === name || path.startsWith(`${name}/`));
  const home = answering.find((root) => existsSync(join(root.path, path))) ?? roots.find(({ name }) => isStored({ root: name, path }));
  if (named !== undefined && home === undefined) return { root: named.name, path: path.slice(named.name.length + 1) || '.' };
  return { root: home?.name ?? (roots[0]?.name as string), path };
}

function answerOf(
  { name, type, target: address, namesOf, routing }: TrackerLaneOptions,
  run: RunRef,
  tag: string | undefined,
  assumed: string,
  tree: RunTree,
  state: StateReader | undefined,
): LaneAnswer {
  const lane = state?.lane(name, address);
  if (routing === undefined) return { lane: name, type, isIncluded: true, why: [] };
  const names = lane === undefined ? undefined : new LaneNames(lane);
  const { target, prefix, kept } = runTarget(routing, tree, names, run, lane?.known(run).files ?? []);
  const joinPrefix = joinPrefixOf(routing, target);
  const route = routing.route.run(run, target);
  if (!route.isIncluded) return { lane: name, type, isIncluded: false, why: route.why };
  const assignment = route.group === undefined || route.groupTag === undefined ? undefined : { group: route.group, tag: route.groupTag };
  const today = namesOf(target, assignment);
  const before = lane?.opened(target);
  const plugin = lane?.catalogue(run).find((series) => series.tag === tag)?.plugin ?? assumed;
  const series = tag === undefined ? undefined : route.series(tag, plugin);
  const mapping = kept ?? { joinPrefix, prefix, renames: route.renames, names: {} };
  return {
    lane: name,
    type,
    isIncluded: true,
    why: route.why,
    target,
    group: route.group,
    opened: before === undefined ? { name: today.name, group: today.group, isKept: false } : { ...before, isKept: true },
    tags: today.tags,
    parent: today.parent?.name === target.path ? undefined : today.parent?.name,
    ...(series === undefined || tag === undefined
      ? {}
      : {
          series: {
            ...series,
            name: nameThere(mapping, tag, plugin, run.path),
            left: names?.leftOf(run, tag),
          },
        }),
  };
}

function routeText(
  run: RunRef,
  tag: string | undefined,
  seen: readonly Seen[],
  answers: readonly LaneAnswer[],
  style: ReturnType<typeof styleOf>,
): string {
  const lines = [
    style.bold(visibleText(tag === undefined ? runLabel(run) : `${runLabel(run)}  ${tag}`)),
    ...seen.map(({ places, text }) => (places.length > 0 ? visibleText(text) : style.yellow(visibleText(text)))),
  ];
  for (const answer of answers) {
    const { lane, type, isIncluded, why, target, opened, group, tags = {}, parent, series } = answer;
    const isSent = isIncluded && series?.every !== 0;
    lines.push('', `${isSent ? style.green('yes') : style.yellow('no ')}  ${lane}${lane === type ? '' : ` (${type})`}`);
    if (opened !== undefined && target !== undefined) {
      const where = opened.group === '' ? '' : ` in ${opened.group}`;
      const how = opened.joins !== undefined ? `joins ${opened.joins}` : `${opened.name}${where}`;
      lines.push(`     ${opened.isKept ? 'run' : 'would be'}: ${visibleText(how)}`);
      if (target.path !== run.path) lines.push(`     folded into: ${visibleText(runLabel(target))}`);
      if (parent !== undefined) lines.push(`     below: ${visibleText(parent)}`);
      if (group !== undefined) lines.push(`     group by draw: ${visibleText(group)}`);
      const texts = Object.entries(tags).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
      if (texts.length > 0) lines.push(`     tags: ${visibleText(texts.join(', '))}`);
    }
    if (series !== undefined && series.every !== 0) {
      lines.push(`     name: ${visibleText(series.name)}`);
      if (series.every > 1) lines.push(`     thinned: only steps that are multiples of ${series.every}`);
    }
    if (series?.left !== undefined)
      lines.push(`     excluded so far: ${series.left.every === 0 ? 'everything' : `all but multiples of ${series.left.every}`}`);
    for (const reason of [...why, ...(series?.why ?? [])]) lines.push(`     ${visibleText(reason)}`);
  }
  return `${lines.join('\n')}\n`;
}

function routeJson(run: RunRef, tag: string | undefined, [seen, seenTag]: readonly Seen[], answers: readonly LaneAnswer[]): object {
  return {
    type: 'route',
    root: run.root,
    run: run.path,
    tag: tag ?? null,
    seen: seen?.places ?? [],
    series_seen: seenTag?.places ?? null,
    lanes: answers.map(({ lane, type, isIncluded, why, target, opened, group, tags, parent, series }) => ({
      name: lane,
      type,
      included: isIncluded && series?.every !== 0,
      because: [...why, ...(series?.why ?? [])],
      folded_into: target === undefined || target.path === run.path ? null : target.path,
      tracker_run:
        opened === undefined
          ? null
          : {
              name: opened.name,
              experiment: opened.group,
              joins: opened.joins ?? null,
              kept: opened.isKept,
              parent: parent ?? null,
              tags: tags ?? {},
            },
      group: group ?? null,
      series: series === undefined ? null : { name: series.name, every: series.every, left_out: series.left?.every ?? null },
    })),
  };
}

function lastPart(path: string): string {
  return resolve(path).split(sep).at(-1) ?? path;
}
