/**
 * The rules of every command: flags before the command, their variables, groups, examples and the page in the help.
 */

import type { Command, Help, Option } from 'commander';
import { closestName, suggestion } from '../closest-name.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { CONFIGURATION_FLAGS, environmentName, switchOf } from '../flag-names.ts';
import { columnsOf, wrapText } from '../wrap-text.ts';
import type { CommandContext } from './context.ts';
import { helpAfter } from './examples.ts';

const OF_CONFIGURATION: ReadonlySet<string> = new Set(CONFIGURATION_FLAGS);

const GROUPS: readonly (readonly [heading: string, flags: readonly string[]])[] = [
  ['Selection:', ['include', 'exclude', 'links', 'replaced', 'to', 'lane', 'root', 'kind']],
  ['Configuration:', ['config', 'profile', 'store', 'state', 'memory']],
  ['Logging:', ['logLevel', 'logFormat']],
  ['Output:', ['format', 'out', 'report', 'safe', 'quiet', 'json', 'color']],
];

/** The options that commander must not require before their variables were read. */
const required = new WeakSet<Option>();

/** Gives every command of a program its groups, examples and page, and every flag its variable. */
export function withConventions(program: Command, { stdout, stderr, env }: CommandContext): Command {
  const columns = columnsOf(stdout, env) ?? 80;
  for (const { path, command } of commandsOf(program)) {
    // Wrong use is rendered like every other error; see run.ts.
    command.configureOutput({
      outputError: () => undefined,
      getOutHelpWidth: () => columns,
      getErrHelpWidth: () => columnsOf(stderr, env) ?? 80,
    });
    command.configureHelp({ optionDescription, subcommandTerm, formatItem, minWidthToWrap: 20 });
    command.addHelpText('after', () => `\n${helpAfter(path, columns)}`);
    for (const option of command.options) {
      const heading = GROUPS.find(([, flags]) => flags.includes(option.attributeName()))?.[0];
      if (heading !== undefined) option.helpGroup(heading);
      if (!option.mandatory) continue;
      required.add(option);
      option.makeOptionMandatory(false);
    }
  }
  return program.hook('preAction', async (_, command) => {
    takeVariables(command, env);
    await warnOfVariables(command, env, stderr);
  });
}

/** Returns a program's commands with their subcommands, by the words that call them. */
export function commandsOf(program: Command): { readonly path: string; readonly command: Command }[] {
  const below = (command: Command, path: readonly string[]): { readonly path: string; readonly command: Command }[] => [
    { path: path.join(' '), command },
    ...command.commands.flatMap((one) => below(one, [...path, one.name()])),
  ];
  return below(program, []);
}

/** Returns the variable of a flag, by one rule; undefined for the flags of help and version. */
export function variableOf(option: Option): string | undefined {
  return ['help', 'version'].includes(option.attributeName()) ? undefined : environmentName(option.attributeName());
}

/** Sets the flags that were not given from their variables. */
function takeVariables(command: Command, env: Environment): void {
  for (const option of command.options) {
    const name = option.attributeName();
    const variable = variableOf(option);
    const isGiven = command.getOptionValueSource(name) === 'cli';
    const text = variable === undefined || OF_CONFIGURATION.has(name) || isGiven ? '' : (env[variable] ?? '');
    if (text !== '' && variable !== undefined) command.setOptionValueWithSource(name, valueIn(option, text, variable), 'env');
    if (required.has(option) && command.getOptionValue(name) === undefined) {
      throw new MirrorError('MB1001', `required option '${option.flags}' not specified`, { hint: `Pass it, or set ${variable}.` });
    }
  }
}

/**
 * The commands that read no configuration, except `completion`: a shell loads its script, which is no place for
 * warnings.
 */
const WITHOUT_CONFIGURATION = ['state', 'init', 'explain'];

/**
 * Names variables that look misspelled, for a command that reads no configuration; other commands do so after they
 * have read it.
 */
async function warnOfVariables(command: Command, env: Environment, stderr: NodeJS.WriteStream): Promise<void> {
  let top = command;
  while (top.parent?.parent) top = top.parent;
  if (!WITHOUT_CONFIGURATION.includes(top.name()) || !Object.keys(env).some((variable) => /^mirrorboard_/i.test(variable))) return;
  const { unknownVariables } = await import('../config/index.ts');
  for (const unknown of unknownVariables(env, undefined)) stderr.write(`warning: ${unknown}\n`);
}

/**
 * Converts a variable's text to a flag's value: lists have commas between their items, switches and counts have a
 * word or a number.
 */
function valueIn(option: Option, text: string, variable: string): unknown {
  const wrong = (expected: string, guess = ''): MirrorError =>
    new MirrorError('MB1002', `${variable}: found ${JSON.stringify(text)}, expected ${expected}${guess}`, {
      context: { field: variable, found: text, expected },
    });
  const choices = option.argChoices;
  if (choices !== undefined && !choices.includes(text)) throw wrong(`one of ${choices.join(', ')}`, suggestion(text, choices));
  if (option.required || option.optional) return option.variadic || Array.isArray(option.defaultValue) ? itemsOf(text) : text;
  if (typeof option.defaultValue === 'number') {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 0) return count;
    throw wrong('a number: how often to apply the flag');
  }
  const isOn = switchOf(text);
  if (isOn === undefined) throw wrong('true or false');
  return isOn ? true : undefined;
}

/** Returns the items of a list; a comma inside `{a,b}` belongs to a glob. */
function itemsOf(text: string): string[] {
  return (text.match(/(?:\{[^{}]*\}|[^,])+/g) ?? []).map((item) => item.trim()).filter((item) => item !== '');
}

function flagNames(options: readonly Option[]): string[] {
  return [...new Set(options.flatMap(({ long }) => long ?? []))];
}

/** Returns the help text of a flag, with its words and default if they add something. */
function optionDescription(option: Option): string {
  const { argChoices, defaultValue } = option;
  const notes = [
    ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
    ...(typeof defaultValue === 'string' ? [`default: ${defaultValue}`] : []),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`;
}

/** Returns a command's term without `[options]`, which all have. */
function subcommandTerm(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...args].join(' ');
}

/** The columns that a description needs next to its term; with fewer, it goes below the term. */
const LEAST_COLUMNS = 32;

function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  if (description === '') return `  ${term}`;
  const columns = helper.helpWidth ?? 80;
  const room = columns - termWidth - 4;
  if (room < LEAST_COLUMNS) return `  ${term}\n${wrapText(`      ${description}`, columns)}`;
  const indent = ' '.repeat(termWidth + 4);
  return `  ${term.padEnd(termWidth)}  ${wrapText(description, room).replaceAll('\n', `\n${indent}`)}`;
}

/**
 * Moves the flags before the command behind it: `mirrorboard --json status` becomes `mirrorboard status --json`. A
 * flag that takes several values cannot be told from the command, and stays.
 */
export function withFlagsBehind(argv: readonly string[], program: Command): readonly string[] {
  const options = commandsOf(program).flatMap(({ command }) => command.options);
  const own = program.options.flatMap(({ short, long }) => [short, long]);
  const before: string[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (!word.startsWith('-') || word === '-' || word === '--' || own.includes(word) || ['-h', '--help'].includes(word)) break;
    before.push(word);
    const name = word.startsWith('--') ? (word.split('=', 1)[0] ?? word) : word;
    const option = options.find(({ short, long }) => name === short || name === long);
    if (option === undefined && name.startsWith('--')) {
      const guess = closestName(name, flagNames(options));
      throw new MirrorError('MB1001', `unknown option '${name}'`, {
        hint: guess === undefined ? 'See mirrorboard --help' : `Did you mean ${guess}?`,
      });
    }
    if (option?.variadic) return argv;
    const next = argv[at + 1];
    if (option?.required && name === word && next !== undefined) {
      before.push(next);
      at++;
    }
  }
  let command = program;
  const words: string[] = [];
  for (; at < argv.length; at++) {
    const below = command.commands.find((one) => one.name() === argv[at]);
    if (below === undefined) break;
    command = below;
    words.push(below.name());
  }
  // A word that is not a command must be in the error; flags without a command ask for nothing.
  if (words.length === 0 && at < argv.length) return argv.slice(at);
  if (words.length === 0) {
    throw new MirrorError('MB1001', `missing command after ${before.join(' ')}`, { hint: 'See mirrorboard --help' });
  }
  return [...words, ...before, ...argv.slice(at)];
}
