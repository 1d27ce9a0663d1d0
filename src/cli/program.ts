import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { withConventions } from './command-line.ts';
import type { CommandContext } from './context.ts';

/** The whole command line. Commands load what they need when they run, so that --help and --version are instant. */
export function makeProgram(context: CommandContext): Command {
  const program = new Command('mirrorboard')
    .description('Mirrors TensorBoard log directories, exactly, into a store you can query and into experiment trackers.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride();

  const backfill = program
    .command('backfill')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH')
    .description('mirror everything that is there, once')
    .option('-n, --dry-run', 'say what would be read, and change nothing')
    .option('--strict', 'exit 1 also for files whose last record is not whole yet')
    .option('--to <lane>', 'only into this lane; may be repeated', collect, [])
    .option('--patience <seconds>', 'a tracker that gets nowhere for so long is given up for now; default 600')
    .option('--remap', 'begin tracker runs anew that would have another name or place today')
    .option('--rebuild', 'begin tracker runs anew, beside the former ones, that cannot be gone on with');
  withJson(withLog(withMemory(withState(withStore(withReplaced(withLinks(withGlobs(backfill)))))))).action(async (roots: string[], flags) =>
    (await import('./backfill.ts')).backfillCommand(roots, flags, context),
  );

  const watch = program
    .command('watch')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH')
    .description('mirror what is there and what comes, until it is told to stop')
    .option('--scan-interval <seconds>', 'between two scans of everything, a fifth more or less; default 60')
    .option('--remap', 'begin tracker runs anew that would have another name or place today')
    .option('--rebuild', 'begin tracker runs anew, beside the former ones, that cannot be gone on with')
    .option('--poll', 'do without notifications of the file system')
    .option('--listen <host:port>', 'serve /livez, /readyz, /healthz and /status')
    .option('--listen-host <name>', 'a further host name these are asked by; may be repeated', collect, []);
  withJson(withLog(withMemory(withState(withStore(withReplaced(withLinks(withGlobs(watch)))))))).action(async (roots: string[], flags) =>
    (await import('./watch.ts')).watchCommand(roots, flags, context),
  );

  const verify = program
    .command('verify')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH (default: all that are mirrored)')
    .description('compare what was mirrored with the event files, point by point')
    .option('--report <file>', 'one JSON line per difference; - is standard output')
    .option('--repair', 'note what is missing or wrong, so that the next backfill mends it')
    .option('--sample <percent>', 'only so many of the series, chosen by lot: 5%')
    .option('--seed <text>', 'another sample (default: the date in UTC)')
    .option('--strict', 'exit 1 also for what is owed or not mirrored yet')
    .option('--lane <lane>', 'only this lane; may be repeated (default: all that are configured)', collect, [])
    .option('--between <lanes...>', 'compare two lanes with each other: --between local mlflow');
  withJson(withMemory(withState(withStore(withLinks(withGlobs(verify)))))).action(async (roots: string[], flags) =>
    (await import('./verify.ts')).verifyCommand(roots, flags, context),
  );

  const migrate = program
    .command('migrate')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH (default: those of the configuration, else all that are mirrored)')
    .description('bring everything into a lane, and say whether another one may be switched off')
    .requiredOption('--from <lane>', 'the lane to be switched off')
    .requiredOption('--to <lane>', 'the lane that takes its place')
    .option('--patience <seconds>', 'a tracker that gets nowhere for so long is given up for now; default 600')
    .option('--accept-losses <kinds>', 'kinds that the new lane need not hold, separated by commas (images,texts)');
  withJson(withMemory(withState(withStore(withReplaced(withLinks(migrate)))))).action(async (roots: string[], flags) =>
    (await import('./migrate.ts')).migrateCommand(roots, flags, context),
  );

  const inspect = program
    .command('inspect')
    .argument('<path>', 'a log directory or one event file')
    .description('say what is in event files: runs, tags, kinds, steps, damage')
    .addOption(
      new Option('--format <format>', 'text, or json: every point, in the truth format').choices(['text', 'json']).default('text'),
    );
  withJson(withMemory(withLinks(withGlobs(inspect)))).action(async (path: string, flags) =>
    (await import('./inspect.ts')).inspectCommand(path, flags, context),
  );

  const status = program
    .command('status')
    .description('say how things stand: lanes and their lag, roots, damage with remedies')
    .option('--watch', 'again every two seconds')
    .option('--max-lag <time>', 'exit with 1 where a lane is further behind: 90s, 5m, 1h');
  withJson(withState(withStore(withLinks(withGlobs(status))))).action(async (flags) =>
    (await import('./status.ts')).statusCommand(flags, context),
  );

  const listing = (command: Command): void => {
    command
      .argument('[patterns...]', 'only these runs: ROOT/PATH or PATH, or a glob; one that matches a directory holds for all below it')
      .option('--root <name>', 'only runs of this root')
      .option('--lane <lane>', 'only runs that this lane has; with --in-state, the lane that is meant')
      .option('--in-state <state>', 'only runs in this state: done, behind, refused, damaged, left-out, not-begun, kept, gone');
    withJson(withState(withStore(command))).action(async (patterns: string[], flags) =>
      (await import('./run-list.ts')).runListCommand(patterns, flags, context),
    );
  };
  const forgetting = (command: Command): Command =>
    withJson(
      withState(
        withStore(
          command
            .option('--keep-points', 'the local store keeps the points, and no longer expects their files')
            .option('--remove-from <lane>', 'also remove the tracker runs in this lane; may be repeated', collect, [])
            .option('-n, --dry-run', 'say what would be done, and change nothing')
            .option('-y, --yes', 'do not ask'),
        ),
      ),
    );

  const roots = program.command('root').description('list, rename, move or forget log directories that were mirrored');
  withJson(withState(withStore(roots.command('list').description('the log directories that were mirrored, and where they lie')))).action(
    async (flags) => (await import('./root.ts')).rootListCommand(flags, context),
  );
  const renaming = roots.command('rename').argument('<name>', 'a root').argument('<new-name>', 'what it is to be called');
  renaming.description('give a root another name; all of it goes on').option('-n, --dry-run', 'say what would be done, and change nothing');
  withJson(withState(withStore(renaming))).action(async (name: string, newName: string, flags) =>
    (await import('./root.ts')).rootRenameCommand(name, newName, flags, context),
  );
  const moving = roots.command('move').argument('<name>', 'a root').argument('<path>', 'where it lies now');
  moving.description('say where a root lies now; all of it goes on').option('-n, --dry-run', 'say what would be done, and change nothing');
  withJson(withState(withStore(moving))).action(async (name: string, path: string, flags) =>
    (await import('./root.ts')).rootMoveCommand(name, path, flags, context),
  );
  forgetting(
    roots.command('forget').argument('<name>', 'a root').description('forget a root with all of its runs; trackers keep theirs'),
  ).action(async (name: string, flags) => (await import('./root.ts')).rootForgetCommand(name, flags, context));

  const runs = program.command('run').description('list or forget runs that were mirrored');
  listing(runs.command('list').description('the runs that were mirrored, and how each lane stands with them'));
  forgetting(
    runs
      .command('forget')
      .argument('[patterns...]', 'runs: ROOT/PATH or PATH, or a glob; one that matches a directory holds for all below it')
      .description('forget runs, as if they had never been mirrored; trackers keep theirs')
      .option('--gone', 'only what is no longer there: runs whose files are gone, and gone files of other runs')
      .option('--root <name>', 'only runs of this root'),
  ).action(async (patterns: string[], flags) => (await import('./run-list.ts')).runForgetCommand(patterns, flags, context));
  listing(program.command('runs').description('the same as run list'));

  const route = program
    .command('route')
    .argument('<run>', 'a run, by its path below its root or as a directory')
    .argument('[tag]', 'one of its series')
    .description('say which lanes get a run or a series, under which name, and why')
    .option('--kind <kind>', 'the kind of the series, where nothing is known of it', 'scalars');
  withJson(withState(withStore(route))).action(async (run: string, tag: string | undefined, flags) =>
    (await import('./route.ts')).routeCommand(run, tag, flags, context),
  );

  const state = program.command('state').description('look into the state file of watch');
  for (const [action, description] of [
    ['show', 'what is in it'],
    ['check', 'whether it is sound'],
    ['export', 'all of it as JSON'],
  ] as const) {
    const command = state.command(action).description(description);
    if (action === 'export') command.option('-o, --out <file>', 'write to a file, which appears when it is whole');
    withJson(withState(command)).action(async (flags) => (await import('./state.ts')).stateCommand(action, flags, context));
  }

  const exporting = program
    .command('export')
    .description('write the local store to standard output or a file')
    .addOption(
      new Option('--format <format>', 'json (every point, in the truth format), csv or parquet')
        .choices(['json', 'csv', 'parquet'])
        .default('json'),
    )
    .option('-o, --out <file>', 'write to a file, which appears when it is whole')
    .option('--root <name>', 'which root, where the store has several')
    .option('--safe', 'csv for a spreadsheet: no text of a field is a formula, or steers anything; default on a terminal')
    .option(
      '--kind <kind>',
      'for csv and parquet: scalars, histograms, texts, hparams, tensors, images, audio, pr_curves, layouts, graphs, all',
      'scalars',
    );
  withJson(withStore(exporting)).action(async (flags) => (await import('./export.ts')).exportCommand(flags, context));

  const configuration = program.command('config').description('look into the configuration');
  const checking = configuration
    .command('check')
    .description('say whether it would do; changes nothing')
    .option('--online', 'ask every tracker whether it is there, and lets us in')
    .option('--timeout <seconds>', 'how long each tracker may take to answer; default 20');
  const showing = configuration.command('show').description('every value, and where it comes from');
  for (const [action, command] of [['check', checking] as const, ['show', showing] as const]) {
    withJson(withState(withStore(command))).action(async (flags) => (await import('./config.ts')).configCommand(action, flags, context));
  }

  const doctor = program
    .command('doctor')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH (default: those of the configuration)')
    .description('look whether all that is needed is there: roots, disk, state, trackers')
    .option('--write', 'also write a small run to every lane, read it back and remove it')
    .option('--timeout <seconds>', 'how long each tracker may take to answer; default 20');
  withJson(withState(withStore(withLinks(doctor)))).action(async (roots: string[], flags) =>
    (await import('./doctor.ts')).doctorCommand(roots, flags, context),
  );

  const init = program
    .command('init')
    .argument('[roots...]', 'log directories to write into it, as PATH or NAME=PATH')
    .description('write a configuration to begin with; asks nothing')
    .option('-o, --out <file>', 'where to; default ./mirrorboard.yaml')
    .option('--force', 'also where there is one already');
  withJson(init).action(async (roots: string[], flags) => (await import('./init.ts')).initCommand(roots, flags, context));

  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .description('write what lets a shell complete commands, flags, lanes and runs')
    .action(async (shell: string) => (await import('./completion.ts')).completionCommand(shell, context));

  const explain = program
    .command('explain')
    .argument('[codes...]', 'codes of errors, as MB3007 (default: all, in short)')
    .description('say what the code of an error means, and what to do');
  withJson(explain).action(async (codes: string[], flags) => (await import('./explain.ts')).explainCommand(codes, flags, context));

  return withConventions(program, context);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function withGlobs(command: Command): Command {
  return command
    .option('--include <glob>', 'only runs whose path matches; may be repeated', collect, [])
    .option('--exclude <glob>', 'no runs whose path matches; may be repeated', collect, []);
}

function withStore(command: Command): Command {
  return command
    .option('--config <file>', 'configuration (default: ./mirrorboard.yaml where there is one)')
    .option('--profile <name>', 'a profile of the configuration (default: what ENVIRONMENT says)')
    .option('--store <file>', 'the local store (default: ./mirrorboard.db)')
    .option('-q, --quiet', 'less talk; twice for none', (_, before: number) => before + 1, 0);
}

function withLinks(command: Command): Command {
  const rule = new Option('--links <rule>', 'which links below the log directories are followed; default owner');
  return command.addOption(rule.choices(['none', 'inside', 'owner', 'all']));
}

function withReplaced(command: Command): Command {
  const rule = new Option('--replaced <rule>', 'what becomes of a run in a tracker when a file of it holds other content; default new_run');
  return command.addOption(rule.choices(['new_run', 'same_run']));
}

function withState(command: Command): Command {
  return command.option('--state <file>', 'the state file (default: ./mirrorboard.state)');
}

function withMemory(command: Command): Command {
  return command.option(
    '--memory <size>',
    "get along with so much memory, as in 512MiB (default: the limit of the cgroup, else half of the machine's)",
  );
}

function withLog(command: Command): Command {
  const levels = ['silent', 'error', 'warn', 'info', 'debug'];
  return command
    .addOption(new Option('--log-level <level>', 'log lines on standard error from this level on').choices(levels))
    .addOption(new Option('--log-format <format>', 'log lines for people or programs').choices(['pretty', 'json']));
}

function withJson(command: Command): Command {
  return command
    .option('--json', 'the result as JSON on standard output')
    .addOption(new Option('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto'));
}

function version(): string {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      return String(JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version);
    } catch {
      // dist/src in a checkout, src when run by a test
    }
  }
  return 'unknown';
}
