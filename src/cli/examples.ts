/** What stands below the flags in the help of each command: examples, and the page that says more. */

import { wrapText } from '../wrap-text.ts';

interface Extra {
  /** What is typed, and what it is for. */
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** A page and its part. */
  readonly page: string;
}

const PROGRAM: Extra = {
  examples: [
    ['backfill runs/', 'mirror everything below runs/ into ./mirrorboard.db'],
    ['watch runs/', 'the same, and what comes, for ever'],
    ['inspect runs/exp1', 'what is in the event files, and what is damaged'],
    ['export --format csv > all.csv', 'the mirrored scalars as a table'],
    ['init runs/', 'a configuration to begin with'],
    ['doctor', 'whether all that is needed is there'],
  ],
  page: 'docs/commands.md',
};

/** By what is typed to call a command. */
const EXTRAS: Readonly<Record<string, Extra>> = {
  '': PROGRAM,
  backfill: {
    examples: [
      ['backfill runs/', 'everything below runs/, under the name runs'],
      ['backfill cluster=/mnt/logs --dry-run', 'what would be read of /mnt/logs, named cluster'],
      ['backfill --to mlflow', 'the roots of the configuration, into one lane'],
    ],
    page: 'docs/commands.md#backfill',
  },
  watch: {
    examples: [
      ['watch runs/', 'what is there, and what comes'],
      ['watch --listen 127.0.0.1:8080', 'with health and status over HTTP'],
      ['watch --poll --scan-interval 30', 'for a file system without notifications'],
    ],
    page: 'docs/commands.md#watch',
  },
  verify: {
    examples: [
      ['verify', 'every lane against the event files'],
      ['verify --lane mlflow --report differences.jsonl', 'one lane, each difference as a line'],
      ['verify --between local mlflow', 'two lanes with each other'],
    ],
    page: 'docs/verify.md',
  },
  migrate: {
    examples: [['migrate --from local --to mlflow', 'bring all into mlflow, and say whether local may go']],
    page: 'docs/migration.md',
  },
  inspect: {
    examples: [
      ['inspect runs/exp1', 'runs, tags, steps and damage'],
      ['inspect --format json FILE', 'every point of one file'],
    ],
    page: 'docs/commands.md#inspect',
  },
  status: {
    examples: [
      ['status', 'lanes and their lag, roots, damage'],
      ['status --json', 'the same for programs'],
    ],
    page: 'docs/commands.md#status',
  },
  root: {
    examples: [
      ['root list', 'the log directories that were mirrored'],
      ['root move runs /mnt/new/runs', 'runs lies there now'],
    ],
    page: 'docs/moving.md',
  },
  'root list': { examples: [['root list --json', 'for programs']], page: 'docs/moving.md' },
  'root rename': { examples: [['root rename runs vision --dry-run', 'what would get another name']], page: 'docs/moving.md' },
  'root move': { examples: [['root move runs /mnt/new/runs', 'go on with the same files elsewhere']], page: 'docs/moving.md' },
  'root forget': {
    examples: [
      ['root forget old --dry-run', 'what would be forgotten'],
      ['root forget old --remove-from mlflow', 'and removed from a tracker'],
    ],
    page: 'docs/moving.md',
  },
  run: {
    examples: [
      ['run list', 'the runs that were mirrored'],
      ['run forget --gone', 'clean up after files that were deleted'],
    ],
    page: 'docs/moving.md',
  },
  'run list': {
    examples: [
      ["run list 'exp1/**'", 'the runs below a directory'],
      ['run list --lane mlflow --in-state behind', 'what mlflow does not have yet'],
    ],
    page: 'docs/moving.md',
  },
  'run forget': {
    examples: [
      ['run forget exp1/bad --dry-run', 'what would be forgotten'],
      ['run forget --gone', 'only what is no longer there'],
    ],
    page: 'docs/moving.md',
  },
  runs: {
    examples: [
      ['runs', 'the runs that were mirrored'],
      ['runs --json', 'for programs'],
    ],
    page: 'docs/moving.md',
  },
  route: {
    examples: [
      ['route exp1/train', 'which lanes get a run, and as what'],
      ['route exp1/train loss', 'the same of a series'],
    ],
    page: 'docs/routing.md',
  },
  state: { examples: [['state show', 'what is in the state file']], page: 'docs/state.md' },
  'state show': { examples: [['state show --json', 'for programs']], page: 'docs/state.md' },
  'state check': { examples: [['state check', 'look at every row']], page: 'docs/state.md' },
  'state export': { examples: [['state export --out state.json', 'all of it as JSON']], page: 'docs/state.md' },
  export: {
    examples: [
      ['export --format csv > all.csv', 'the scalars as a table'],
      ['export --format parquet --kind all --out all.parquet', 'everything, for a data frame'],
    ],
    page: 'docs/commands.md#export',
  },
  config: {
    examples: [
      ['config check --online', 'whether it would do, and its trackers are there'],
      ['config show', 'every value, and who said it'],
    ],
    page: 'docs/configuration.md',
  },
  'config check': { examples: [['config check --profile production', 'before it is put to use']], page: 'docs/configuration.md' },
  'config show': { examples: [['config show --json', 'for programs']], page: 'docs/configuration.md' },
  doctor: {
    examples: [
      ['doctor', 'the roots and lanes of the configuration'],
      ['doctor --write runs/', 'also write a small run everywhere, and remove it'],
    ],
    page: 'docs/commands.md#doctor',
  },
  init: { examples: [['init runs/', 'write ./mirrorboard.yaml for one root']], page: 'docs/configuration.md' },
  completion: {
    examples: [
      ['completion bash > ~/.local/share/bash-completion/completions/mirrorboard', 'for bash'],
      ['completion zsh > ~/.zfunc/_mirrorboard', 'for zsh, with ~/.zfunc in fpath'],
      ['completion fish > ~/.config/fish/completions/mirrorboard.fish', 'for fish'],
    ],
    page: 'docs/commands.md#completion',
  },
  explain: {
    examples: [
      ['explain MB3007', 'what a code means, and what to do'],
      ['explain', 'all codes'],
    ],
    page: 'docs/errors.md',
  },
};

/** Examples and page of a command, for so many columns; empty for one that has none. */
export function helpAfter(path: string, columns: number): string {
  const extra = EXTRAS[path];
  if (extra === undefined) return '';
  const longest = extra.examples.reduce((most, [command]) => Math.max(most, command.length), 0);
  const widest = extra.examples.reduce((most, [, meaning]) => Math.max(most, meaning.length), 0);
  const isWide = `  mirrorboard   `.length + longest + widest <= columns;
  // Where there is no room beside them, meanings stand below.
  const lines = extra.examples.map(([command, meaning]) =>
    isWide ? `  mirrorboard ${command.padEnd(longest + 2)}${meaning}` : wrapText(`  mirrorboard ${command}\n      ${meaning}`, columns, 2),
  );
  return [
    'Examples:',
    ...lines,
    '',
    ...(path === '' ? [...[EXIT_CODES, FLAGS].map((text) => wrapText(text, columns)), ''] : []),
    wrapText(`More: ${extra.page}`, columns),
  ].join('\n');
}

const EXIT_CODES =
  'Exit codes: 0 done, 1 something was not mirrored, 2 wrong use, 3 could not judge, 4 locked by another, 130 interrupted.';

const FLAGS =
  'Flags may stand before the command, too. Each has a variable: --log-level is MIRRORBOARD_LOG_LEVEL. A flag wins over its variable, that over the configuration.';
