import { type Config, isRootName } from '../config/index.ts';
import { resolveRoots, silentRoots } from '../discover/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import type { Tidying } from '../model/index.ts';
import { checkIdentities, type HeldRoots, isNothingAt, placeWithoutLinks } from '../moves/index.ts';
import { listAllRuns } from '../overview/index.ts';
import { knownRoots, type TidyTargets, tidy } from '../tidy/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { type ForgetFlags, forget } from './forget.ts';
import { Interrupt } from './interrupt.ts';
import { readConfig } from './read-config.ts';
import { checkRoot } from './run-list.ts';
import { columnsOf, formatCount, renderTable, visibleText } from './terminal/index.ts';
import { lanesOf, type OpenSources, withSources, withTidyTargets } from './tidy-targets.ts';

/** The options of `root rename` and `root move`. */
interface RootChangeFlags extends GlobalOptions {
  readonly dryRun?: boolean;
}

/** Lists the log directories that were mirrored. */
export async function rootListCommand(flags: GlobalOptions, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const config = await readConfig(flags, context, { readsState: true });
  const trackers = await lanesOf(config, env);
  await withSources(config, async (sources) => {
    const known = knownRoots(sources);
    const silent = await silentRoots(known);
    const runs = Map.groupBy(listAllRuns({ ...sources, trackers }), ({ run }) => run.root);
    const roots = known.map(({ name, path }) => {
      const own = runs.get(name) ?? [];
      const presence = silent.has(path) ? 'silent' : isNothingAt(path) ? 'missing' : 'there';
      const sum = (of: 'files' | 'points'): number => own.reduce((total, run) => total + run[of], 0);
      return { name, path, presence, runs: own.length, files: sum('files'), points: sum('points') };
    });
    if (flags.json === true) {
      const listed = roots.map(({ presence, ...root }) => ({ ...root, missing: presence === 'missing', silent: presence === 'silent' }));
      await writeOut(stdout, `${JSON.stringify({ type: 'roots', roots: listed })}\n`);
    } else {
      const words = { there: '', missing: ' MISSING', silent: ' DOES NOT ANSWER' };
      const table = renderTable({
        columns: [
          { title: 'Root' },
          { title: 'Runs', align: 'right' },
          { title: 'Files', align: 'right' },
          { title: 'Points', align: 'right' },
          { title: 'Path' },
        ],
        rows: roots.map((root) => [
          root.name,
          formatCount(root.runs),
          formatCount(root.files),
          formatCount(root.points),
          `${root.path}${words[root.presence as keyof typeof words]}`,
        ]),
        width: columnsOf(stdout, env),
        style: styleOf(stdout, flags, env),
      });
      await writeOut(stdout, roots.length === 0 ? 'No roots.\n' : `${table}\n`);
    }
    context.exitCode = ExitCode.done;
  });
}

/** Gives a root another name, in state and store. Tracker runs keep their names. */
export async function rootRenameCommand(from: string, to: string, flags: RootChangeFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context, { readsState: true });
  if (!isRootName(to)) {
    throw new MirrorError('MB3022', `${JSON.stringify(to)} is not a valid name for a root`, {
      hint: 'A name is any text without / except for the empty text, . and ..',
      context: { name: to },
    });
  }
  if (flags.dryRun !== true) await finish(config, context);
  await withSources(config, async (sources) => {
    checkRoot(from, sources);
    const taken = knownRoots(sources).find((root) => root.name === to);
    if (taken === undefined) return;
    throw new MirrorError('MB3022', `${taken.path} is already mirrored as ${to}`, {
      hint: 'Choose another name.',
      context: { name: to, path: taken.path },
    });
  });
  await change({ kind: 'rename', from, to }, config, flags, context, [
    `${from} is now called ${to}. Tracker runs continue under their current names.`,
    ...(config.roots.some(({ name }) => name === from)
      ? [`In ${config.file ?? 'the configuration'} its name is ${from}: change it to name: ${to}.`]
      : []),
  ]);
}

/** Records the new place of a root. */
export async function rootMoveCommand(name: string, path: string, flags: RootChangeFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context, { readsState: true });
  const { place, before } = await withSources(config, async (sources) => {
    checkRoot(name, sources);
    const silent = await silentRoots([{ path }]);
    if (silent.size > 0) throw new MirrorError('MB2030', `${path} does not answer`, { hint: 'Check its file server.', context: { path } });
    const others = knownRoots(sources).filter((root) => root.name !== name);
    const [root] = resolveRoots([{ path, name }], others);
    if (root === undefined) throw new MirrorError('MB9001', `${path} was not resolved`);
    checkIdentities([{ ...root, isNamed: false }], heldBy(sources, name));
    return { place: root.path, before: knownRoots(sources).find((each) => each.name === name)?.path };
  });
  // The configuration may have it by its name, or by its former place: that entry would always lead there.
  const named = config.roots.find((root) => root.name === name || (root.name === undefined && placeWithoutLinks(root.path) === before));
  await change({ kind: 'place', root: name, path: place }, config, flags, context, [
    `${name} is now at ${place}, and continues there.`,
    ...(named === undefined || placeWithoutLinks(named.path) === place
      ? []
      : [`In ${config.file ?? 'the configuration'} its path is ${named.path}: change it to path: ${place} and name: ${name}.`]),
  ]);
}

/** Returns the source that knows the files of a root, to check if a directory is that root. */
function heldBy({ store, state }: OpenSources, name: string): HeldRoots {
  const all = {
    roots: () => knownRoots({ store, state }),
    hasRuns: (root: string) => store?.hasRuns(root) === true || state?.hasRuns(root) === true,
  };
  if (store !== undefined && store.fileCount(name, '') > 0)
    return { ...all, knownFiles: (root) => store.knownFiles(root), positions: (run) => store.positions(run) };
  const lane = state?.lane('', '');
  return { ...all, knownFiles: (root) => state?.knownFiles(root) ?? [], positions: (run) => lane?.known(run) ?? { files: [] } };
}

/** Forgets a root with all its runs. */
export async function rootForgetCommand(name: string, flags: ForgetFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context, { readsState: true });
  await withSources(config, async (sources) => checkRoot(name, sources));
  await forget(config, { root: name }, flags, context, () => new MirrorError('MB3021', `no such root: ${name}`));
}

/** Finishes a change that was cut off, before a command reports the content. */
function finish(config: Config, { stderr }: CommandContext): Promise<void> {
  return changing(config, stderr, async () => undefined);
}

async function changing(config: Config, stderr: NodeJS.WriteStream, work: (places: TidyTargets) => Promise<unknown>): Promise<void> {
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const warn = (message: string): void => {
    stderr.write(`${visibleText(message)}\n`);
  };
  await withTidyTargets(config, [], { warn, signal: interrupt.signal }, work);
}

async function change(
  tidying: Exclude<Tidying, { readonly kind: 'forget' }>,
  config: Config,
  flags: RootChangeFlags,
  context: CommandContext,
  message: readonly [string, ...string[]],
): Promise<void> {
  const { stdout, stderr } = context;
  const isDone = flags.dryRun !== true;
  if (isDone) await changing(config, stderr, (places) => tidy(places, [tidying]));
  const { kind, ...facts } = tidying;
  const [first, ...more] = message;
  if (flags.json === true) {
    const type = kind === 'place' ? 'root_move' : 'root_rename';
    await writeOut(stdout, `${JSON.stringify({ type, done: isDone, ...facts })}\n`);
  } else {
    const lines = isDone ? message : [`Dry run: ${first}`, ...more, 'Nothing was changed.'];
    stderr.write(`${lines.map((line) => visibleText(line)).join('\n')}\n`);
  }
  context.exitCode = ExitCode.done;
}
