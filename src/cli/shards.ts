import { unitRule } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { mergeShards, splitIntoShards } from '../shards/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { readConfig } from './read-config.ts';
import { columnsOf, counted, formatCount, renderTable, visibleText } from './terminal/index.ts';

/** The options of `state split`. */
export interface SplitFlags extends GlobalOptions {
  /** `--shards N`. */
  readonly shards: string;
  /** `--to FOLDER`. */
  readonly to: string;
}

/** The options of `state merge`. */
export type MergeFlags = Omit<SplitFlags, 'shards'>;

/** Splits the state and the store of a configuration into those of several shards. */
export async function splitCommand(flags: SplitFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const count = /^\d{1,4}$/.test(flags.shards) ? Number(flags.shards) : 0;
  if (count < 1 || count > 1000) {
    throw new MirrorError('MB1001', `--shards: found ${JSON.stringify(flags.shards)}, expected a number from 1 to 1000`);
  }
  const config = await readConfig(flags, context);
  const from = { statePath: config.state.path, store: config.store };
  const shards = splitIntoShards({ from, count, to: flags.to, rule: unitRule(config) });
  if (flags.json === true) {
    await writeOut(stdout, `${JSON.stringify({ type: 'state_split', shards })}\n`);
    return;
  }
  const table = renderTable({
    columns: [{ title: 'Shard' }, { title: 'Folder' }, { title: 'Runs', align: 'right' }, { title: 'Points stored', align: 'right' }],
    rows: shards.map(({ folder, runs, points }, i) => [`${i}/${count}`, visibleText(folder), formatCount(runs), formatCount(points)]),
    width: columnsOf(stdout, env),
    style: styleOf(stdout, flags, env),
  });
  await writeOut(stdout, `${table}\n`);
}

/** Merges the states and stores of several shards. */
export async function mergeCommand(folders: readonly string[], flags: MergeFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context);
  const names = { statePath: config.state.path, store: config.store };
  const { runs, points } = mergeShards({ folders, names, to: flags.to, rule: unitRule(config) });
  if (flags.json === true) await writeOut(context.stdout, `${JSON.stringify({ type: 'state_merge', to: flags.to, runs, points })}\n`);
  else {
    const held = `${counted(runs, 'run')}, ${counted(points, 'point')} in the store`;
    context.stderr.write(`${counted(folders.length, 'shard')} merged into ${visibleText(flags.to)}: ${held}\n`);
  }
}
