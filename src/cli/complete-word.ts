/**
 * Completes the word at the cursor of a command line. It knows commands and flags; other code looks up their values.
 */
import type { Command, Option } from 'commander';
import { commandsOf } from './command-line.ts';
import { LIST_COMMANDS } from './completion-scripts.ts';

/** The word that scripts of shells call the program with. */
export const COMPLETE = '__complete';

/** The candidates at the cursor: known words, or names that must be looked up. */
export type Wanted = { readonly kind: 'words'; readonly words: readonly Completion[] } | { readonly kind: LookedUp };

/** The kinds of candidates that are looked up, because they are not in the program. */
export type LookedUp =
  | 'lanes'
  | 'profiles'
  | 'runs'
  | 'roots'
  | 'tags'
  | 'files'
  | 'folders'
  | 'kinds'
  | 'exportKinds'
  | 'runStates'
  | 'codes'
  | 'nothing';

/** A word that completes what was typed. */
export interface Completion {
  readonly word: string;
  /** The meaning, in a few words. */
  readonly meaning?: string;
}

/** The expectation at the cursor. */
export interface Cursor {
  readonly wanted: Wanted;
  /** The part of the word that is typed. */
  readonly prefix: string;
  /** The text before the candidates in the same word: `--to=`. */
  readonly before: string;
  /** The flags with values that were typed so far, by their long names. */
  readonly flags: ReadonlyMap<string, string>;
  /** The other words after the command. */
  readonly operands: readonly string[];
}

const BY_FLAG: Readonly<Record<string, LookedUp>> = {
  to: 'lanes',
  from: 'lanes',
  lane: 'lanes',
  between: 'lanes',
  removeFrom: 'lanes',
  profile: 'profiles',
  root: 'roots',
  kind: 'kinds',
  acceptLosses: 'kinds',
  inState: 'runStates',
  config: 'files',
  store: 'files',
  state: 'files',
  out: 'files',
  report: 'files',
};

/** The flags that take several values with commas between them. */
const LISTS: readonly string[] = ['acceptLosses'];

const BY_ARGUMENT: Readonly<Record<string, LookedUp>> = {
  roots: 'folders',
  path: 'files',
  run: 'runs',
  runs: 'runs',
  tag: 'tags',
  root: 'roots',
  name: 'roots',
  lane: 'lanes',
  codes: 'codes',
};

/** Returns what can complete the last of some words, which is being typed and may be empty. */
export function cursorAt(words: readonly string[], program: Command): Cursor {
  const typed = words.at(-1) ?? '';
  let command = program;
  const operands: string[] = [];
  const flags = new Map<string, string>();
  let open: Option | undefined;
  let isRest = false;
  for (const word of words.slice(0, -1)) {
    if (open !== undefined && !word.startsWith('-')) {
      flags.set(open.attributeName(), word);
      if (!open.variadic) open = undefined;
      continue;
    }
    open = undefined;
    if (word === '--') isRest = true;
    else if (word.startsWith('-') && !isRest) {
      const [name = '', ...value] = word.split('=');
      const option = optionOf(name, command, program);
      if (option === undefined || !(option.required || option.optional)) continue;
      if (value.length > 0) flags.set(option.attributeName(), value.join('='));
      else open = option;
    } else {
      const below = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (below === undefined) operands.push(word);
      else command = below;
    }
  }
  const cursor = (wanted: Wanted, prefix = typed, before = ''): Cursor => ({ wanted, prefix, before, flags, operands });
  const valueCursor = (option: Option, value: string, before: string): Cursor => {
    // In a list, the last item is being typed.
    const comma = LISTS.includes(option.attributeName()) ? value.lastIndexOf(',') + 1 : 0;
    return cursor(valuesOf(option, command), value.slice(comma), before + value.slice(0, comma));
  };
  if (open !== undefined && !typed.startsWith('-')) return valueCursor(open, typed, '');
  const equals = typed.indexOf('=');
  if (typed.startsWith('--') && equals > 0 && !isRest) {
    const option = optionOf(typed.slice(0, equals), command, program);
    const [before, value] = [typed.slice(0, equals + 1), typed.slice(equals + 1)];
    return option === undefined ? cursor({ kind: 'nothing' }, value, before) : valueCursor(option, value, before);
  }
  if (typed.startsWith('-') && !isRest) return cursor({ kind: 'words', words: optionsOf(command, program) });
  return cursor(argumentAt(command, operands, program));
}

/** Returns the option of a flag. Flags may come before the command, so the top knows those of all commands. */
function optionOf(name: string, command: Command, program: Command): Option | undefined {
  return flagsAt(command, program).find(({ short, long }) => name === short || name === long);
}

function flagsAt(command: Command, program: Command): readonly Option[] {
  return command === program ? commandsOf(program).flatMap((one) => one.command.options) : command.options;
}

function optionsOf(command: Command, program: Command): Completion[] {
  const words = new Map<string, Completion>([['--help', { word: '--help', meaning: 'show help for the command' }]]);
  for (const { long, short, description, hidden } of flagsAt(command, program)) {
    const word = long ?? short;
    if (!hidden && word !== undefined && !words.has(word)) words.set(word, { word, meaning: description });
  }
  return [...words.values()];
}

function valuesOf(option: Option, command: Command): Wanted {
  if (option.argChoices !== undefined) return { kind: 'words', words: option.argChoices.map((word) => ({ word })) };
  const kind = BY_FLAG[option.attributeName()] ?? 'nothing';
  return { kind: kind === 'kinds' && command.name() === 'export' ? 'exportKinds' : kind };
}

function argumentAt(command: Command, operands: readonly string[], program: Command): Wanted {
  const isHelp = command === program && operands[0] === 'help';
  if (command.commands.length > 0 && (operands.length === 0 || isHelp)) {
    const below = isHelp ? operands.slice(1).reduce((at, word) => at.commands.find((one) => one.name() === word) ?? at, command) : command;
    const words = below.commands.map((one) => ({ word: one.name(), meaning: one.description() }));
    return { kind: 'words', words: isHelp || below !== program ? words : [...words, LIST_COMMANDS] };
  }
  const known = command.registeredArguments;
  const argument = known[operands.length] ?? (known.at(-1)?.variadic === true ? known.at(-1) : undefined);
  if (argument === undefined) return { kind: 'nothing' };
  if (argument.argChoices !== undefined) return { kind: 'words', words: argument.argChoices.map((word) => ({ word })) };
  return { kind: BY_ARGUMENT[argument.name()] ?? 'nothing' };
}

/**
 * Splits a line into words as a shell does: by blanks, except in quotes or after a backslash. The last word may be
 * empty.
 */
export function wordsOf(line: string): string[] {
  const words = [''];
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const letter = line[i] ?? '';
    const last = words.length - 1;
    if (quote !== '') {
      if (letter === quote) quote = '';
      else words[last] += letter;
    } else if (letter === '\\') words[last] += line[++i] ?? '';
    else if (letter === "'" || letter === '"') quote = letter;
    else if (/\s/.test(letter)) {
      if (words[last] !== '') words.push('');
    } else words[last] += letter;
  }
  return words;
}
