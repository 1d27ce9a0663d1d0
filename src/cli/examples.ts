/** The text below the flags in the help of each command: examples, and the page with more details. */

import { wrapText } from '../wrap-text.ts';

/** The part of a command's help below its flags. */
export interface Extra {
  /** The commands to type, and their meanings. */
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** The page and its section. */
  readonly page: string;
}

const PROGRAM: Extra = {
  examples: [
    ['backfill runs/', 'mirror runs/ into ./mirrorboard.db once'],
    ['watch runs/', 'mirror runs/ continuously'],
    ['inspect runs/exp1', 'show the contents of event files, and damage'],
    ['export --format csv > all.csv', 'export the mirrored scalars as a table'],
    ['init runs/', 'create a configuration file'],
    ['doctor', 'check roots, disk space and trackers'],
  ],
  page: 'docs/commands.md',
};

/** The extras by the words that call a command. */
const EXTRAS: Readonly<Record<string, Extra>> = {
  '': PROGRAM,
  backfill: {
    examples: [
      ['backfill runs/', 'mirror runs/, named runs'],
      ['backfill cluster=/mnt/logs --dry-run', 'print the plan for /mnt/logs, named cluster'],
      ['backfill --to mlflow', 'mirror the configured roots into one lane'],
    ],
    page: 'docs/commands.md#backfill',
  },
  watch: {
    examples: [
      ['watch runs/', 'mirror runs/ continuously'],
      ['watch --listen 127.0.0.1:8080', 'also serve health and status over HTTP'],
      ['watch --page off', 'do not serve the web page'],
      ['watch --poll --scan-interval 30', 'poll a file system without notifications'],
    ],
    page: 'docs/commands.md#watch',
  },
  verify: {
    examples: [
      ['verify', 'compare every lane with the event files'],
      ['verify --lane mlflow --report differences.jsonl', 'compare one lane, and write each difference as a line'],
      ['verify --between local mlflow', 'compare two lanes with each other'],
    ],
    page: 'docs/verify.md',
  },
  migrate: {
    examples: [['migrate --from local --to mlflow', 'copy everything into mlflow, and check if it can replace local']],
    page: 'docs/migration.md',
  },
  inspect: {
    examples: [
      ['inspect runs/exp1', 'show runs, tags, steps and damage'],
      ['inspect --format json FILE', 'print every point of one file'],
    ],
    page: 'docs/commands.md#inspect',
  },
  status: {
    examples: [
      ['status', 'show lanes and their lag, roots and damage'],
      ['status --json', 'print the same as JSON'],
    ],
    page: 'docs/commands.md#status',
  },
  root: {
    examples: [
      ['root list', 'list the mirrored log directories'],
      ['root move runs /mnt/new/runs', 'point runs to its new path'],
    ],
    page: 'docs/moving.md',
  },
  'root list': { examples: [['root list --json', 'print the list as JSON']], page: 'docs/moving.md' },
  'root rename': { examples: [['root rename runs vision --dry-run', 'print what would be renamed']], page: 'docs/moving.md' },
  'root move': { examples: [['root move runs /mnt/new/runs', 'continue with the same files at a new path']], page: 'docs/moving.md' },
  'root forget': {
    examples: [
      ['root forget old --dry-run', 'print what would be forgotten'],
      ['root forget old --remove-from mlflow', 'also delete its runs in mlflow'],
    ],
    page: 'docs/moving.md',
  },
  run: {
    examples: [
      ['run list', 'list all mirrored runs'],
      ['run forget --gone', 'clean up after deleted files'],
    ],
    page: 'docs/moving.md',
  },
  'run list': {
    examples: [
      ["run list 'exp1/**'", 'list the runs below a directory'],
      ['run list --lane mlflow --in-state behind', 'list the runs that are pending in mlflow'],
    ],
    page: 'docs/moving.md',
  },
  'run forget': {
    examples: [
      ['run forget exp1/bad --dry-run', 'print what would be forgotten'],
      ['run forget --gone', 'forget only deleted data'],
    ],
    page: 'docs/moving.md',
  },
  runs: {
    examples: [
      ['runs', 'list all mirrored runs'],
      ['runs --json', 'print the list as JSON'],
    ],
    page: 'docs/moving.md',
  },
  route: {
    examples: [
      ['route exp1/train', 'explain which lanes get a run, and under which name'],
      ['route exp1/train loss', 'explain the same for a series'],
    ],
    page: 'docs/routing.md',
  },
  lane: {
    examples: [
      ['lane pause mlflow', 'send nothing to mlflow during its maintenance'],
      ['lane resume mlflow', 'send everything that is pending'],
      ['lane retry mlflow', 'retry now, after its credentials were corrected'],
    ],
    page: 'docs/commands.md#lane',
  },
  'lane pause': {
    examples: [
      ['lane pause mlflow', 'send nothing to mlflow until it resumes'],
      ['lane pause mlflow --root scratch', 'pause only one log directory'],
    ],
    page: 'docs/commands.md#lane',
  },
  'lane resume': { examples: [['lane resume mlflow', 'end the pause, and send what is pending']], page: 'docs/commands.md#lane' },
  'lane retry': { examples: [['lane retry mlflow', 'retry now, after the tracker was repaired']], page: 'docs/commands.md#lane' },
  state: { examples: [['state show', 'summarize the state file']], page: 'docs/state.md' },
  'state show': { examples: [['state show --json', 'print the summary as JSON']], page: 'docs/state.md' },
  'state check': { examples: [['state check', 'validate every row']], page: 'docs/state.md' },
  'state export': { examples: [['state export --out state.json', 'write the whole state as JSON']], page: 'docs/state.md' },
  'state split': {
    examples: [['state split --shards 3 --to shards', 'divide the state and the store among three shards']],
    page: 'docs/shards.md',
  },
  'state merge': {
    examples: [['state merge shards/0 shards/1 --to merged', 'merge the states and stores of two shards']],
    page: 'docs/shards.md',
  },
  export: {
    examples: [
      ['export --format csv > all.csv', 'export the scalars as a table'],
      ['export --format parquet --kind all --out all.parquet', 'export everything for a data frame'],
    ],
    page: 'docs/commands.md#export',
  },
  page: {
    examples: [
      ['page', 'serve ./mirrorboard.db to this machine'],
      ['page --listen 0.0.0.0:6070 --token-file token', 'serve it to others who have the token'],
    ],
    page: 'docs/api.md',
  },
  tensorboard: {
    examples: [
      ['tensorboard', 'start TensorBoard, which shows all mirrored runs'],
      ['tensorboard --root runs -- --port 6007', 'show one root, at another port'],
      ['tensorboard --serve-only --data-port 7000', 'serve the data for a TensorBoard that you start yourself'],
      ['tensorboard --print-wrapper > data-server', 'let TensorBoard itself start mirrorboard'],
    ],
    page: 'docs/tensorboard.md',
  },
  'tensorboard data-server': {
    examples: [['tensorboard --print-wrapper > data-server', 'write the script that calls this command']],
    page: 'docs/tensorboard.md',
  },
  config: {
    examples: [
      ['config check --online', 'validate the configuration, and reach its trackers'],
      ['config show', 'show every value and its source'],
    ],
    page: 'docs/configuration.md',
  },
  'config check': {
    examples: [['config check --profile production', 'validate a profile before using it']],
    page: 'docs/configuration.md',
  },
  'config show': { examples: [['config show --json', 'print the values as JSON']], page: 'docs/configuration.md' },
  doctor: {
    examples: [
      ['doctor', 'check the configured roots and lanes'],
      ['doctor --write runs/', 'also write, read and delete a test run'],
    ],
    page: 'docs/commands.md#doctor',
  },
  init: { examples: [['init runs/', 'create ./mirrorboard.yaml for one root']], page: 'docs/configuration.md' },
  completion: {
    examples: [
      ['completion bash > ~/.local/share/bash-completion/completions/mirrorboard', 'install completion for bash'],
      ['completion zsh > ~/.zfunc/_mirrorboard', 'install completion for zsh, with ~/.zfunc in fpath'],
      ['completion fish > ~/.config/fish/completions/mirrorboard.fish', 'install completion for fish'],
    ],
    page: 'docs/commands.md#completion',
  },
  explain: {
    examples: [
      ['explain MB3007', 'explain a code and what to do about it'],
      ['explain', 'list all codes'],
    ],
    page: 'docs/errors.md',
  },
};

/** Returns the examples and the page of a command; undefined if it has none. */
export function extraOf(path: string): Extra | undefined {
  return EXTRAS[path];
}

/** Returns the examples and the page of a command, for a width in columns; empty for a command without examples. */
export function helpAfter(path: string, columns: number): string {
  const extra = extraOf(path);
  if (extra === undefined) return '';
  const longest = extra.examples.reduce((most, [command]) => Math.max(most, command.length), 0);
  const widest = extra.examples.reduce((most, [, meaning]) => Math.max(most, meaning.length), 0);
  const isWide = `  mirrorboard   `.length + longest + widest <= columns;
  // Meanings go below their commands if they do not fit next to them.
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
  'Exit codes: 0 success, 1 not everything was mirrored or valid, 2 invalid usage, ' +
  '3 could not check, 4 locked by another process, 130 interrupted.';

const FLAGS =
  'Flags also work before the command. Each flag has an environment variable: --log-level is MIRRORBOARD_LOG_LEVEL. ' +
  'A flag overrides its variable, and a variable overrides the configuration.';
