import { describe, expect, jest, test } from '@jest/globals';
import type { Command, Option } from 'commander';
import { commandsOf, variableOf, withFlagsBehind } from '../../../src/cli/command-line.ts';
import type { CommandContext } from '../../../src/cli/context.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { type Flags, loadConfig, TAKEN } from '../../../src/config/index.ts';

function programOf(env: Record<string, string> = {}): Command {
  const context: CommandContext = { stdout: process.stdout, stderr: process.stderr, env, exitCode: 0 };
  return makeProgram(context);
}

const everyFlag = commandsOf(programOf())
  .flatMap(({ path, command }) => command.options.map((option) => [path, option.long ?? '', option] as const))
  .filter(([, long]) => long !== '--version');

/** Runs a command line whose command does nothing, and gives the flags that it was called with. */
async function flagsOf(path: string, argv: readonly string[], env: Record<string, string>): Promise<Record<string, unknown>> {
  const program = programOf(env);
  const command = commandsOf(program).find((one) => one.path === path)?.command;
  const seen = jest.fn();
  command?.action((...args: unknown[]) => {
    seen(args.at(-2));
  });
  await program.parseAsync([...path.split(' '), ...argv], { from: 'user' });
  return seen.mock.calls[0]?.[0] as Record<string, unknown>;
}

/** What the arguments of a command need to be there. */
function operandsOf(path: string): string[] {
  const { registeredArguments = [] } = commandsOf(programOf()).find((one) => one.path === path)?.command ?? {};
  return registeredArguments.filter(({ required }) => required).map(({ argChoices }) => argChoices?.[0] ?? 'x');
}

/** Flags that have to be there. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  migrate: ['--from', 'a', '--to', 'b'],
  'state split': ['--shards', 'b', '--to', 'b'],
  'state merge': ['--to', 'b'],
  'tensorboard data-server': ['--logdir', 'b'],
};

/** A value of a flag as a variable says it, and as the command gets it. */
function example(option: Option): { readonly text: string; readonly value: unknown } {
  if (option.argChoices !== undefined) return { text: option.argChoices[1] ?? '', value: option.argChoices[1] };
  if (Array.isArray(option.defaultValue) || option.variadic) return { text: '{a,b}/**, c', value: ['{a,b}/**', 'c'] };
  if (option.required || option.optional) return { text: 'said', value: 'said' };
  return typeof option.defaultValue === 'number' ? { text: '2', value: 2 } : { text: 'yes', value: true };
}

/** Flags that the configuration reads with their variables, since it notes who said what. */
const OF_CONFIGURATION = new Map<
  string,
  { readonly text: string; readonly read: (config: Awaited<ReturnType<typeof loadConfig>>) => unknown }
>([
  ['--config', { text: 'm.yaml', read: ({ file }) => file }],
  ['--profile', { text: 'said', read: ({ profile }) => profile }],
  ['--store', { text: 'said.db', read: ({ store }) => store.path }],
  ['--state', { text: 'said.state', read: ({ state }) => state.path }],
  ['--memory', { text: '128MiB', read: ({ memory }) => memory === 128 * 2 ** 20 && '128MiB' }],
  ['--links', { text: 'none', read: ({ links }) => links }],
  ['--shard', { text: '1/3', read: ({ rules }) => rules.shard && `${rules.shard.index}/${rules.shard.count}` }],
  ['--replaced', { text: 'same_run', read: ({ replaced }) => replaced }],
  ['--scan-interval', { text: '7s', read: ({ scanIntervalMs }) => `${scanIntervalMs / 1000}s` }],
  ['--run-ended-after', { text: '7m', read: ({ runEndedAfterMs }) => `${runEndedAfterMs / 60_000}m` }],
  ['--shutdown-grace', { text: '7s', read: ({ shutdownGraceMs }) => `${shutdownGraceMs / 1000}s` }],
  ['--log-level', { text: 'debug', read: ({ log }) => log.level }],
  ['--log-format', { text: 'json', read: ({ log }) => log.format }],
]);

describe('the variable of a flag', () => {
  test.each(everyFlag)('%s %s has one, by the common rule', async (path, long, option) => {
    const variable = variableOf(option) ?? '';
    expect(variable).toBe(`MIRRORBOARD_${long.slice(2).replaceAll('-', '_').toUpperCase()}`);
    const needed = [
      ...operandsOf(path),
      ...(NEEDED[path] ?? []).filter(
        (_, i, all) =>
          !all
            .slice(i - (i % 2))
            .slice(0, 2)
            .includes(long),
      ),
    ];
    const configured = OF_CONFIGURATION.get(long);
    if (configured !== undefined) {
      const { text, read } = configured;
      const load = (flags: Flags, env: Record<string, string>) =>
        loadConfig({ flags, env, cwd: '/', readFile: () => 'profiles: { said: {} }' });
      const config = await load({}, { [variable]: text });
      expect(read(config)).toBe(text);
      expect([...config.locations.values()]).toContain(variable);
      expect(read(await load({ [option.attributeName()]: text }, { [variable]: 'other' }))).toBe(text);
      return;
    }
    const { text, value } = example(option);
    expect((await flagsOf(path, needed, { [variable]: text }))[option.attributeName()]).toEqual(value);
    const unset = await flagsOf(path, [...needed, ...(NEEDED[path]?.includes(long) === true ? [long, 'b'] : [])], { [variable]: '' });
    expect(unset[option.attributeName()]).toEqual(NEEDED[path]?.includes(long) === true ? 'b' : option.defaultValue);
    // The flag wins.
    const word = option.argChoices?.[0] ?? 'flag';
    const typed = option.required || option.optional ? [long, word] : [long];
    const both = await flagsOf(path, [...needed, ...typed], { [variable]: typed.length > 1 ? text : 'no' });
    const list = Array.isArray(option.defaultValue) || option.variadic;
    expect(both[option.attributeName()]).toEqual(
      typed.length > 1 ? (list ? [word] : word) : typeof option.defaultValue === 'number' ? 1 : true,
    );
  });

  test.each(everyFlag)('%s %s is not a setting of a lane', (_, __, option) => {
    expect(TAKEN).toContain(variableOf(option));
  });

  test.each([
    ['status', 'MIRRORBOARD_COLOR', 'alway', 'expected one of auto, always, never; did you mean always?'],
    ['backfill', 'MIRRORBOARD_DRY_RUN', 'maybe', 'expected true or false'],
    ['status', 'MIRRORBOARD_QUIET', 'very', 'expected a number'],
  ])('of %s refuses a value that the flag refuses: %s=%s', async (path, variable, text, expected) => {
    await expect(flagsOf(path, [], { [variable]: text })).rejects.toMatchObject({
      code: 'MB1002',
      message: expect.stringContaining(expected),
    });
    await expect(flagsOf(path, [], { [variable]: text })).rejects.toThrow(`${variable}: found "${text}"`);
  });

  test('can leave a switch off, and can set a required flag', async () => {
    expect((await flagsOf('backfill', [], { MIRRORBOARD_DRY_RUN: '0' }))['dryRun']).toBeUndefined();
    expect(await flagsOf('migrate', ['--to', 'b'], { MIRRORBOARD_FROM: 'a' })).toMatchObject({ from: 'a', to: 'b' });
    await expect(flagsOf('migrate', ['--to', 'b'], {})).rejects.toMatchObject({
      code: 'MB1001',
      hint: 'Pass it, or set MIRRORBOARD_FROM.',
    });
  });
});

describe('flags before the command', () => {
  test.each([
    [
      ['--json', 'status'],
      ['status', '--json'],
    ],
    [
      ['--config', 'a.yaml', '-q', 'config', 'show', '--json'],
      ['config', 'show', '--config', 'a.yaml', '-q', '--json'],
    ],
    [
      ['--store=x.db', '-qq', 'backfill', 'runs'],
      ['backfill', '--store=x.db', '-qq', 'runs'],
    ],
    [
      ['--include', 'watch', 'backfill', 'runs'],
      ['backfill', '--include', 'watch', 'runs'],
    ],
    [
      ['status', '--json'],
      ['status', '--json'],
    ],
    [['--version'], ['--version']],
    [['--help'], ['--help']],
    [['--json', 'stauts'], ['stauts']],
    [
      ['--between', 'local', 'mlflow', 'verify'],
      ['--between', 'local', 'mlflow', 'verify'],
    ],
  ])('%j are %j', (argv, expected) => {
    expect(withFlagsBehind(argv, programOf())).toEqual(expected);
  });

  test('are an error if they are unknown or alone', () => {
    expect(() => withFlagsBehind(['--jsn', 'status'], programOf())).toThrow(expect.objectContaining({ hint: 'Did you mean --json?' }));
    expect(() => withFlagsBehind(['-q'], programOf())).toThrow('missing command after -q');
  });
});

describe('help', () => {
  const helps = commandsOf(programOf({ COLUMNS: '60' })).map(({ path, command }) => {
    let text = '';
    command.configureOutput({
      writeOut: (more) => {
        text += more;
      },
    });
    command.outputHelp();
    return [path === '' ? 'mirrorboard' : path, text] as const;
  });

  test.each(helps)('of %s has examples, its page and no empty default, and fits the width of the terminal', (_, text) => {
    expect(text).toContain('Examples:\n  mirrorboard ');
    expect(text).toMatch(/\nMore: docs\/[a-z-]+\.md/);
    expect(text).not.toMatch(/default: (\[\]|0|"")/);
    // A command to type stays whole.
    const wide = text.split('\n').filter((line) => line.length > 60 && !/^ {2}mirrorboard |^Usage: /.test(line));
    expect(wide).toEqual([]);
  });

  test('has its flags in groups', () => {
    const text = helps.find(([path]) => path === 'backfill')?.[1] ?? '';
    expect(text.match(/^[A-Z][A-Za-z ]*:$/gm)).toEqual([
      'Arguments:',
      'Options:',
      'Selection:',
      'Configuration:',
      'Output:',
      'Logging:',
      'Examples:',
    ]);
  });
});
