import { Argument, Command, Option } from 'commander';
import { withConventions } from './command-line.ts';
import type { CommandContext } from './context.ts';
import { version } from './version.ts';

const METRICS_FILE = 'write metrics to this file at the end, for the textfile collector of node_exporter';

/**
 * Makes the whole command line. Commands load their modules when they run, so that --help and --version are instant.
 */
export function makeProgram(context: CommandContext): Command {
  const program = new Command('mirrorboard')
    .description('Mirror TensorBoard log directories exactly into a local store that you can query and into experiment trackers.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride();

  const backfill = program
    .command('backfill')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH')
    .description('mirror log directories once')
    .option('-n, --dry-run', 'print the plan without changing anything')
    .option('--strict', 'also exit 1 if the last record of a file is incomplete')
    .option('--to <lane>', 'mirror only into this lane; repeatable', collect, [])
    .option('--patience <seconds>', 'stop waiting for a tracker after this long without progress (default: 600)')
    .option('--remap', 'start new tracker runs if the routes now give another name or target')
    .option('--rebuild', 'replace tracker runs that cannot be resumed with new ones; the old ones stay')
    .option('--metrics-file <file>', METRICS_FILE);
  withJson(withLog(withMemory(withState(withStore(withShard(withEnds(withReplaced(withLinks(withGlobs(backfill)))))))))).action(
    async (roots: string[], flags) => (await import('./backfill.ts')).backfillCommand(roots, flags, context),
  );

  const watch = program
    .command('watch')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH')
    .description('mirror log directories continuously')
    .option('--scan-interval <time>', 'scan all directories this often, ±20% (default: 60)')
    .option('--remap', 'start new tracker runs if the routes now give another name or target')
    .option('--rebuild', 'replace tracker runs that cannot be resumed with new ones; the old ones stay')
    .option('--poll', 'poll files instead of using file system notifications')
    .option('--page <host:port>', 'serve the web page and the HTTP API at this address, or off (default: 127.0.0.1:6070, or any free port)')
    .option('--listen <host:port>', 'serve /livez, /readyz, /healthz, /status and /metrics at this address')
    .option('--listen-host <name>', 'also accept requests for this host name; repeatable', collect, [])
    .option('--tensorboard-port <port>', 'give TensorBoard the data of the local store at this port of 127.0.0.1');
  withJson(withLog(withMemory(withState(withStore(withShard(withEnds(withReplaced(withLinks(withGlobs(withToken(watch))))))))))).action(
    async (roots: string[], flags) => (await import('./watch.ts')).watchCommand(roots, flags, context),
  );

  const verify = program
    .command('verify')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH (default: all mirrored ones)')
    .description('compare the lanes with the event files, point by point')
    .option('--report <file>', 'write each difference to this file as a JSON line; - for standard output')
    .option('--repair', 'mark missing and wrong data for the next backfill to repair')
    .option('--sample <percent>', 'compare a random sample of the series, such as 5%')
    .option('--seed <text>', 'choose the sample by this text (default: the date in UTC)')
    .option('--strict', 'also exit 1 if data is pending, not mirrored yet, or not supported by a lane')
    .option('--lane <lane>', 'verify only this lane; repeatable (default: all configured lanes)', collect, [])
    .option('--jobs <n>', 'compare this many runs of the local store at the same time (default: the processors, up to 8)')
    .option('--between <lanes...>', 'compare two lanes with each other, as in --between local mlflow')
    .option('--metrics-file <file>', METRICS_FILE);
  withJson(withMemory(withState(withStore(withShard(withLinks(withGlobs(verify))))))).action(async (roots: string[], flags) =>
    (await import('./verify.ts')).verifyCommand(roots, flags, context),
  );

  const migrate = program
    .command('migrate')
    .argument(
      '[roots...]',
      'log directories, as PATH or NAME=PATH (default: the configured ones, or all mirrored ones if none are configured)',
    )
    .description('copy everything into a lane and check if it can replace another')
    .requiredOption('--from <lane>', 'replace this lane')
    .requiredOption('--to <lane>', 'copy into this lane')
    .option('--patience <seconds>', 'stop waiting for a tracker after this long without progress (default: 600)')
    .option('--accept-losses <kinds>', 'accept that the new lane lacks these kinds, separated by commas (images,texts)');
  withJson(withMemory(withState(withStore(withShard(withReplaced(withLinks(migrate))))))).action(async (roots: string[], flags) =>
    (await import('./migrate.ts')).migrateCommand(roots, flags, context),
  );

  const inspect = program
    .command('inspect')
    .argument('<path>', 'a log directory or an event file')
    .description('show the runs, tags, kinds, steps and damage in event files')
    .addOption(
      new Option('--format <format>', 'print text, or every point as json in the truth format').choices(['text', 'json']).default('text'),
    );
  inspect.option('--jobs <n>', 'read this many runs at the same time (default: the processors, up to 8)');
  withJson(withMemory(withLinks(withGlobs(inspect)))).action(async (path: string, flags) =>
    (await import('./inspect.ts')).inspectCommand(path, flags, context),
  );

  const status = program
    .command('status')
    .description('show the lag of each lane, the roots, and damage with remedies')
    .option('--watch', 'refresh every two seconds')
    .option('--max-lag <time>', 'exit 1 if a lane lags by more than this: 90s, 5m, 1h');
  withJson(withState(withStore(withLinks(withGlobs(status))))).action(async (flags) =>
    (await import('./status.ts')).statusCommand(flags, context),
  );

  const listing = (command: Command): void => {
    command
      .argument('[patterns...]', 'runs, as ROOT/PATH, PATH or a glob; a match on a directory includes everything below it')
      .option('--root <name>', 'select only runs of this root')
      .option('--lane <lane>', 'list only runs in this lane; with --in-state, use the state in this lane')
      .option('--in-state <state>', 'list only runs in this state: done, behind, refused, damaged, left-out, not-begun, kept, gone');
    withJson(withState(withStore(command))).action(async (patterns: string[], flags) =>
      (await import('./run-list.ts')).runListCommand(patterns, flags, context),
    );
  };
  const forgetting = (command: Command): Command =>
    withJson(
      withState(
        withStore(
          command
            .option('--keep-points', 'keep the points in the local store, and stop expecting their files')
            .option('--remove-from <lane>', 'also delete the tracker runs in this lane; repeatable', collect, [])
            .option('-n, --dry-run', 'print the changes without making them')
            .option('-y, --yes', 'do not ask for confirmation'),
        ),
      ),
    );

  const roots = program.command('root').description('list, rename, move or forget mirrored log directories');
  withJson(withState(withStore(roots.command('list').description('list the mirrored log directories and their paths')))).action(
    async (flags) => (await import('./root.ts')).rootListCommand(flags, context),
  );
  const renaming = roots.command('rename').argument('<name>', 'a root').argument('<new-name>', 'its new name');
  renaming
    .description('rename a root; its runs continue under the new name')
    .option('-n, --dry-run', 'print the changes without making them');
  withJson(withState(withStore(renaming))).action(async (name: string, newName: string, flags) =>
    (await import('./root.ts')).rootRenameCommand(name, newName, flags, context),
  );
  const moving = roots.command('move').argument('<name>', 'a root').argument('<path>', 'its new path');
  moving
    .description('point a root to its new path; its runs continue from there')
    .option('-n, --dry-run', 'print the changes without making them');
  withJson(withState(withStore(moving))).action(async (name: string, path: string, flags) =>
    (await import('./root.ts')).rootMoveCommand(name, path, flags, context),
  );
  forgetting(
    roots.command('forget').argument('<name>', 'a root').description('forget a root and all its runs; trackers keep their copies'),
  ).action(async (name: string, flags) => (await import('./root.ts')).rootForgetCommand(name, flags, context));

  const runs = program.command('run').description('list or forget mirrored runs');
  listing(runs.command('list').description('list the mirrored runs and their state in each lane'));
  forgetting(
    runs
      .command('forget')
      .argument('[patterns...]', 'runs, as ROOT/PATH, PATH or a glob; a match on a directory includes everything below it')
      .description('forget runs as if they were never mirrored; trackers keep their copies')
      .option('--gone', 'forget only deleted data: runs without files, and deleted files of other runs')
      .option('--root <name>', 'select only runs of this root'),
  ).action(async (patterns: string[], flags) => (await import('./run-list.ts')).runForgetCommand(patterns, flags, context));
  listing(program.command('runs').description('same as run list'));

  const route = program
    .command('route')
    .argument('<run>', 'a run, as its path below its root or as a directory')
    .argument('[tag]', 'a series of the run')
    .description('explain which lanes get a run or a series, and under which name')
    .option('--kind <kind>', 'assume this kind if the series is unknown', 'scalars');
  withJson(withState(withStore(route))).action(async (run: string, tag: string | undefined, flags) =>
    (await import('./route.ts')).routeCommand(run, tag, flags, context),
  );

  const lane = program.command('lane').description('pause, resume or retry a lane, also while watch runs');
  for (const [action, description] of [
    ['pause', 'send nothing to a lane until it resumes'],
    ['resume', 'end the pause of a lane'],
    ['retry', 'retry now everything that a lane would retry later'],
  ] as const) {
    const command = lane.command(action).argument('<lane>', 'the lane, such as mlflow').description(description);
    if (action !== 'retry') command.option('--root <name>', `${action} only this root; repeatable`, collect, []);
    withJson(withState(withStore(command))).action(async (name: string, flags) =>
      (await import('./lane.ts')).laneCommand(action, name, flags, context),
    );
  }

  const state = program.command('state').description('inspect, divide and merge the state file');
  for (const [action, description] of [
    ['show', 'summarize the state file'],
    ['check', 'validate the state file'],
    ['export', 'write the whole state as JSON'],
  ] as const) {
    const command = state.command(action).description(description);
    if (action === 'export')
      command.option('-o, --out <file>', 'write to this file; it appears when it is complete (default: standard output)');
    withJson(withState(command)).action(async (flags) => (await import('./state.ts')).stateCommand(action, flags, context));
  }

  const splitting = state
    .command('split')
    .description('divide the state and the store among shards, in new folders')
    .requiredOption('--shards <n>', 'divide among this many shards')
    .requiredOption('--to <folder>', 'create the folders 0, 1, ... in this folder');
  withJson(withState(withStore(splitting))).action(async (flags) => (await import('./shards.ts')).splitCommand(flags, context));
  const merging = state
    .command('merge')
    .argument('<folders...>', 'the folders of all shards')
    .description('merge the states and stores of shards into a new folder')
    .requiredOption('--to <folder>', 'create the merged state and store in this folder');
  withJson(withState(withStore(merging))).action(async (folders: string[], flags) =>
    (await import('./shards.ts')).mergeCommand(folders, flags, context),
  );

  const exporting = program
    .command('export')
    .description('write the local store to standard output or a file')
    .addOption(
      new Option('--format <format>', 'write json (every point, in the truth format), csv or parquet')
        .choices(['json', 'csv', 'parquet'])
        .default('json'),
    )
    .option('-o, --out <file>', 'write to this file; it appears when it is complete (default: standard output)')
    .option('--root <name>', 'export this root; needed if the store has several')
    .option('--jobs <n>', 'write this many runs at the same time (default: the processors, up to 8)')
    .option('--safe', 'escape formulas and control characters in csv (default on a terminal)')
    .option(
      '--kind <kind>',
      'export this kind to csv or parquet: scalars, histograms, texts, hparams, tensors, images, audio, pr_curves, layouts, graphs, all',
      'scalars',
    );
  withJson(withStore(exporting)).action(async (flags) => (await import('./export.ts')).exportCommand(flags, context));

  const page = program
    .command('page')
    .alias('serve')
    .description('serve the web page and the HTTP API of the local store')
    .option('--listen <host:port>', 'listen at this address (default: 127.0.0.1:6070)')
    .option('--listen-host <name>', 'also accept requests for this host name; repeatable', collect, []);
  withJson(withLog(withState(withStore(withLinks(withToken(page)))))).action(async (flags) =>
    (await import('./page.ts')).pageCommand(flags, context),
  );

  const tensorboard = program
    .command('tensorboard')
    .argument('[flags...]', 'flags for TensorBoard, after --')
    .description('show the local store in TensorBoard')
    .option('--root <name>', 'show only this root (default: all)')
    .addOption(
      new Option('--restarts <rule>', "show restarted runs like TensorBoard's data server, like its Python loader, or all points")
        .choices(['tensorboard', 'python', 'all'])
        .default('tensorboard'),
    )
    .option('--data-port <port>', 'give TensorBoard the data at this port of the loopback address (default: any free one)')
    .option('--serve-only', 'do not start TensorBoard, and print the command that does')
    .option('--print-wrapper', 'print a script that TensorBoard can start as its data server');
  withJson(withStore(tensorboard)).action(async (words: string[], flags) =>
    (await import('./tensorboard.ts')).tensorboardCommand(words, flags, context),
  );
  tensorboard
    .command('data-server')
    .description('serve data to the TensorBoard that starts it; see --print-wrapper')
    .option('--media <folder>', 'media folder of the store (default: the path of the store with .media)')
    .requiredOption('--logdir <folder>', 'show the runs that were mirrored from this folder')
    .option('--port <port>', 'listen at this port of 127.0.0.1 (default: any free one, as for 0)')
    .option('--port-file <file>', 'write the port to this file')
    .option('--error-file <file>', 'write the reason to this file if it cannot start')
    .option('--die-after-stdin', 'end when standard input ends')
    .allowUnknownOption()
    .allowExcessArguments()
    // The command above takes the flags that both have.
    .action(async (_, command: Command) =>
      (await import('./tensorboard-data-server.ts')).dataServerCommand(command.optsWithGlobals(), context),
    );

  const configuration = program.command('config').description('validate or show the configuration');
  const checking = configuration
    .command('check')
    .description('validate the configuration without changing anything')
    .option('--online', 'also check that every tracker is reachable and accepts our credentials')
    .option('--timeout <seconds>', 'wait this long for each tracker to answer (default: 20)');
  const showing = configuration.command('show').description('show every value and its source');
  for (const [action, command] of [['check', checking] as const, ['show', showing] as const]) {
    withJson(withState(withStore(command))).action(async (flags) => (await import('./config.ts')).configCommand(action, flags, context));
  }

  const doctor = program
    .command('doctor')
    .argument('[roots...]', 'log directories, as PATH or NAME=PATH (default: the configured ones)')
    .description('check roots, disk space, state, store and trackers')
    .option('--write', 'check write access by writing, reading and deleting a test run')
    .option('--timeout <seconds>', 'wait this long for each tracker to answer (default: 20)');
  withJson(withState(withStore(withLinks(doctor)))).action(async (roots: string[], flags) =>
    (await import('./doctor.ts')).doctorCommand(roots, flags, context),
  );

  const init = program
    .command('init')
    .argument('[roots...]', 'log directories to include, as PATH or NAME=PATH')
    .description('create a configuration file')
    .option('-o, --out <file>', 'write to this file (default: ./mirrorboard.yaml)')
    .option('--force', 'overwrite an existing file');
  withJson(init).action(async (roots: string[], flags) => (await import('./init.ts')).initCommand(roots, flags, context));

  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .description('generate a shell completion script')
    .action(async (shell: string) => (await import('./completion.ts')).completionCommand(shell, context));

  const explain = program
    .command('explain')
    .argument('[codes...]', 'error codes, such as MB3007 (default: a list of all)')
    .description('explain an error code and what to do about it');
  withJson(explain).action(async (codes: string[], flags) => (await import('./explain.ts')).explainCommand(codes, flags, context));

  return withConventions(program, context);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function withToken(command: Command): Command {
  return command
    .option('--token-file <file>', 'answer only requests with the token in this file')
    .option('--without-token', 'let everyone who reaches an address other than loopback read everything');
}

function withGlobs(command: Command): Command {
  return command
    .option('--include <glob>', 'select only runs whose path matches; repeatable', collect, [])
    .option('--exclude <glob>', 'skip runs whose path matches; repeatable', collect, []);
}

function withStore(command: Command): Command {
  return command
    .option('--config <file>', 'use this configuration (default: ./mirrorboard.yaml if it exists)')
    .option('--profile <name>', 'use this profile of the configuration (default: $ENVIRONMENT)')
    .option('--store <file>', 'use this local store (default: ./mirrorboard.db)')
    .option('-q, --quiet', 'print less; give it twice to print only errors', (_, before: number) => before + 1, 0);
}

function withLinks(command: Command): Command {
  const rule = new Option('--links <rule>', 'follow these links below the log directories (default: owner)');
  return command.addOption(rule.choices(['none', 'inside', 'owner', 'all']));
}

function withShard(command: Command): Command {
  return command.option('--shard <i/n>', 'mirror only the runs of shard I of N, counted from 0, such as 0/3');
}

function withReplaced(command: Command): Command {
  const rule = new Option('--replaced <rule>', 'when a file changes its content, mirror it into this tracker run (default: new_run)');
  return command.addOption(rule.choices(['new_run', 'same_run']));
}

function withEnds(command: Command): Command {
  return command
    .option('--run-ended-after <time>', 'end a run in the trackers when it has not grown for this long (default: 30m)')
    .option('--shutdown-grace <time>', 'end the process this long after the first signal (default: 25s)');
}

function withState(command: Command): Command {
  return command.option('--state <file>', 'use this state file (default: ./mirrorboard.state)');
}

function withMemory(command: Command): Command {
  return command.option(
    '--memory <size>',
    'use at most this much memory, such as 512MiB (default: the cgroup limit, or half the memory of the machine)',
  );
}

function withLog(command: Command): Command {
  const levels = ['silent', 'error', 'warn', 'info', 'debug'];
  return command
    .addOption(new Option('--log-level <level>', 'log to standard error from this level on').choices(levels))
    .addOption(new Option('--log-format <format>', 'format log lines for people (pretty) or programs (json)').choices(['pretty', 'json']));
}

function withJson(command: Command): Command {
  return command
    .option('--json', 'write the result to standard output as JSON')
    .addOption(new Option('--color <when>', 'color the output').choices(['auto', 'always', 'never']).default('auto'));
}
