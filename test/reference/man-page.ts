// The man page, from the commands, flags and examples that the program knows.
import type { Argument, Command, Option } from 'commander';
import { commandsOf, variableOf } from '../../src/cli/command-line.ts';
import { extraOf } from '../../src/cli/examples.ts';
import { makeProgram } from '../../src/cli/program.ts';

/** Facts of the page that the program does not know. */
export interface About {
  readonly version: string;
  /** `2026-11-29` */
  readonly date: string;
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[];
}

/** The page in man(7). */
export function manPage({ version, date, exitCodes }: About): string {
  const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });
  const [top, ...commands] = commandsOf(program);
  const shared = commonOptions(commands.map(({ command }) => command));
  const lines = [
    // mandoc reads a date only without escapes.
    `.TH MIRRORBOARD 1 "${date}" ${quoted(`mirrorboard ${version}`)} ${quoted('User Commands')}`,
    '.nh',
    '.ad l',
    '.SH NAME',
    text('mirrorboard - mirror TensorBoard log directories exactly into experiment trackers'),
    '.SH SYNOPSIS',
    '.B mirrorboard',
    `.I ${quoted('command')}`,
    text('[options] [arguments]'),
    '.SH DESCRIPTION',
    text(program.description()),
    text('It only reads log directories. Data goes to standard output, and everything for people to standard error.'),
    '.SH COMMANDS',
    ...commands.filter(({ command }) => command.commands.length === 0).flatMap(({ path, command }) => section(path, command, shared)),
    '.SH COMMON OPTIONS',
    ...[...shared.values(), ...program.options].flatMap(optionLines),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, text(meaning)]),
    '.SH ENVIRONMENT',
    text('Each flag has a variable: MIRRORBOARD_ and the flag in capitals, with _ for -. For example:'),
    '.PP',
    '.RS 4',
    ...[...shared.values()].flatMap((option) => [`${escaped(`${option.long} is ${variableOf(option)}`)}`, '.br']),
    '.RE',
    '.PP',
    text('A flag overrides its variable, a variable overrides the configuration file, and the file overrides the default.'),
    '.SH FILES',
    ...[
      ['mirrorboard.yaml', 'the configuration'],
      ['mirrorboard.db', 'the local store, an SQLite database with documented views; mirrorboard.media next to it holds large values'],
      ['mirrorboard.state', 'the state: how far each tracker is'],
    ].flatMap(([file = '', meaning = '']) => ['.TP', `.I ${escaped(file)}`, text(meaning)]),
    '.SH EXAMPLES',
    ...(extraOf(top?.path ?? '')?.examples ?? []).flatMap(exampleLines).slice(1),
    '.SH SEE ALSO',
    text(
      'The pages that come with the package, in docs/: commands.md, configuration.md, errors.md. mirrorboard explain CODE explains an error.',
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** The options that most commands have: they are described once. */
function commonOptions(commands: readonly Command[]): ReadonlyMap<string, Option> {
  const leaves = commands.filter((command) => command.commands.length === 0);
  const counts = new Map<string, { option: Option; count: number }>();
  for (const option of leaves.flatMap((command) => command.options)) {
    const known = counts.get(keyOf(option));
    counts.set(keyOf(option), { option, count: (known?.count ?? 0) + 1 });
  }
  return new Map([...counts].filter(([, { count }]) => count > leaves.length / 2).map(([key, { option }]) => [key, option]));
}

function keyOf({ flags, description }: Option): string {
  return `${flags}\n${description}`;
}

function section(path: string, command: Command, shared: ReadonlyMap<string, Option>): string[] {
  const operands = command.registeredArguments;
  return [
    `.SS ${quoted(['mirrorboard', path, ...operands.map(operandText)].join(' '))}`,
    text(sentence(command.description())),
    ...operands
      .filter(({ description }) => description !== '')
      .flatMap((one) => ['.TP', `.I ${escaped(one.name())}`, text(one.description)]),
    ...command.options.filter((option) => !option.hidden && !shared.has(keyOf(option))).flatMap(optionLines),
    ...(extraOf(path)?.examples ?? []).flatMap(exampleLines),
  ];
}

function optionLines(option: Option): string[] {
  const choices = option.argChoices === undefined ? '' : `; one of ${option.argChoices.join(', ')}`;
  return ['.TP', `.B ${quoted(option.flags)}`, text(`${option.description}${choices}`)];
}

function exampleLines([command, meaning]: readonly [string, string]): string[] {
  return ['.PP', '.RS 4', '.EX', escaped(`mirrorboard ${command}`), '.EE', text(meaning), '.RE'];
}

function operandText(operand: Argument): string {
  const word = `${operand.name()}${operand.variadic ? '...' : ''}`;
  return operand.required ? `<${word}>` : `[${word}]`;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** Lines of text, short ones as troff likes them: one that begins with a dot or a quote would be a request. */
function text(words: string): string {
  const lines: string[] = [];
  for (const word of escaped(words).split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && longer.length <= 76) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => line.replace(/^[.']/, '\\&$&')).join('\n');
}

/** An argument of a request. */
function quoted(words: string): string {
  return `"${escaped(words).replaceAll('"', '\\(dq')}"`;
}

/** What is typed stays what it is: troff makes other signs of hyphens, quotes and carets. */
function escaped(words: string): string {
  const signs: Readonly<Record<string, string>> = {
    '\\': '\\e',
    '-': '\\-',
    '^': '\\(ha',
    '~': '\\(ti',
    '`': '\\(ga',
    "'": '\\(aq',
    '±': '\\(+-',
  };
  return words.replace(/[\\^~`'±-]/g, (sign) => signs[sign] ?? sign);
}
