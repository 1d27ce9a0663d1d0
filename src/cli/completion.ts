import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Flags } from '../config/index.ts';
import { ExitCode, errorCodes } from '../errors.ts';
import { type Completion, type Cursor, cursorAt, type LookedUp, wordsOf } from './complete-word.ts';
import { FILES, FOLDERS, SCRIPTS } from './completion-scripts.ts';
import type { CommandContext } from './context.ts';
import { writeOut } from './write-out.ts';

/** The most candidates: no shell shows more, and no person reads them. */
const MOST = 200;

/** Prints the script that a shell loads. */
export async function completionCommand(shell: string, context: CommandContext): Promise<void> {
  context.exitCode = ExitCode.done;
  await writeOut(context.stdout, SCRIPTS[shell] ?? '');
}

/**
 * Prints the candidates at the cursor, a line each. If anything fails (no configuration, a corrupt store), it prints
 * nothing, because a prompt must show no errors. The words from bash are the line and its current word; from other
 * shells, the words themselves.
 */
export async function complete([shell = '', ...rest]: readonly string[], program: Command, context: CommandContext): Promise<number> {
  try {
    const isBash = shell === 'bash';
    const words = isBash ? wordsOf(rest[0] ?? '').slice(1) : rest;
    const cursor = cursorAt(words, program);
    const found = await candidatesAt(cursor, context);
    const lines = found.slice(0, MOST).map(({ word, meaning }) => lineFor(shell, cursor, word, meaning, rest[1]));
    if (lines.length > 0) await writeOut(context.stdout, `${lines.join('\n')}\n`);
  } catch {
    // See above.
  }
  return ExitCode.done;
}

async function candidatesAt(cursor: Cursor, context: CommandContext): Promise<readonly Completion[]> {
  const { wanted, prefix, before } = cursor;
  if (wanted.kind === 'files' || wanted.kind === 'folders')
    return before === '' ? [{ word: wanted.kind === 'files' ? FILES : FOLDERS }] : [];
  const all = wanted.kind === 'words' ? wanted.words : await looked(wanted.kind, cursor, context);
  return all.filter(({ word }) => word.startsWith(prefix) && !/[\n\t]/.test(word));
}

/** Returns the names that the configuration, the store or the code has. */
async function looked(kind: Exclude<LookedUp, 'files' | 'folders'>, cursor: Cursor, { env }: CommandContext): Promise<Completion[]> {
  switch (kind) {
    case 'nothing':
      return [];
    case 'codes':
      return Object.entries(errorCodes).map(([word, { title }]) => ({ word, meaning: title }));
    case 'kinds': {
      const { KINDS } = await import('../model/index.ts');
      return KINDS.map((word) => ({ word }));
    }
    case 'exportKinds': {
      const { EXPORT_KINDS } = await import('../export/index.ts');
      return EXPORT_KINDS.map((word) => ({ word }));
    }
    case 'runStates': {
      const { RUN_STATES } = await import('../overview/index.ts');
      return RUN_STATES.map((word) => ({ word }));
    }
    case 'lanes':
    case 'profiles': {
      const config = await configOf(cursor, env);
      if (kind === 'profiles') return config.profiles.map((word) => ({ word }));
      const trackers = config.lanes.trackers.map(({ name, type }) => ({ word: name, meaning: type }));
      return [
        { word: 'local', meaning: 'the local store' },
        ...trackers,
        ...config.unusedLanes.map((word) => ({ word, meaning: 'not used' })),
      ];
    }
    case 'roots':
    case 'runs':
    case 'tags': {
      const config = await configOf(cursor, env);
      return existsSync(config.store.path) ? stored(kind, config.store.path, cursor) : [];
    }
    default:
      return kind satisfies never;
  }
}

async function configOf({ flags }: Cursor, env: CommandContext['env']) {
  const { loadConfig } = await import('../config/index.ts');
  // At a prompt, secrets are usually not set, and names do not need the values of variables.
  const lenient = new Proxy({ ...env }, { get: (all, name) => all[String(name)] ?? '' });
  const paths = { config: flags.get('config'), store: flags.get('store') };
  const profile = flags.get('profile');
  // A profile that is only partly typed does not exist.
  const load = (flags: Flags) => loadConfig({ flags, env: lenient, cwd: process.cwd() });
  return load({ ...paths, profile }).catch(() => load(paths));
}

async function stored(kind: 'roots' | 'runs' | 'tags', path: string, { operands, prefix }: Cursor): Promise<Completion[]> {
  const { openStore } = await import('../backends/local/index.ts');
  const reader = openStore(path);
  try {
    const roots = reader.rootsWithRuns();
    if (kind === 'roots') return roots.map(({ name, path: meaning }) => ({ word: name, meaning }));
    const isNamed = roots.length > 1 || roots.some(({ name }) => prefix.startsWith(`${name}/`));
    const label = (root: string, run: string): string => (isNamed ? `${root}/${run}` : run);
    const runs = roots.flatMap(({ name }) => reader.runs(name));
    if (kind === 'runs') {
      return runs.flatMap(({ run }) => {
        const word = label(run.root, run.path);
        return word.startsWith(prefix) ? [{ word }] : [];
      });
    }
    const run = runs.find(({ run: one }) => label(one.root, one.path) === operands[0]);
    return run === undefined ? [] : reader.series(run.row).map(({ tag, plugin }) => ({ word: tag, meaning: plugin }));
  } finally {
    reader.close();
  }
}

/**
 * Returns a candidate in the form of its shell. For bash: as text of its command line, without the part that bash
 * reads as other words.
 */
function lineFor(shell: string, { before, prefix }: Cursor, word: string, meaning: string | undefined, current = ''): string {
  if (word === FILES || word === FOLDERS) return word;
  const whole = `${before}${word}`;
  if (shell !== 'bash') return meaning === undefined ? whole : `${whole}\t${meaning}`;
  // For bash, = and : are words of their own: `--to=ml` is three words, of which bash replaces the last.
  const own = /^[=:]$/.test(current) ? '' : current;
  const typed = `${before}${prefix}`;
  const rest = typed.endsWith(own) ? whole.slice(typed.length - own.length) : whole;
  return rest.replace(/[^\w@%+=:,./~^-]/g, '\\$&');
}
