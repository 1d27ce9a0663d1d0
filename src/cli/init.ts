import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseRoot } from '../config/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { type CommandContext, type GlobalOptions, programName, shellWord, writeOut } from './context.ts';
import { visibleText } from './terminal/index.ts';

/** The options of `init`. */
interface InitFlags extends GlobalOptions {
  readonly out?: string;
  readonly force?: boolean;
}

const DEFAULT_FILE = './mirrorboard.yaml';

/** Writes a first configuration. */
export async function initCommand(roots: readonly string[], flags: InitFlags, context: CommandContext): Promise<void> {
  const file = flags.out ?? DEFAULT_FILE;
  const requests = roots.map((root) => parseRoot(root, existsSync));
  const missing = requests.filter(({ path }) => !existsSync(path)).map(({ path }) => path);
  try {
    mkdirSync(dirname(file), { recursive: true });
    // Creates or refuses in one step: a file that another process writes meanwhile is kept.
    writeFileSync(file, firstConfig(requests), { flag: flags.force === true ? 'w' : 'wx' });
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') {
      throw new MirrorError('MB1001', `${file} already exists`, {
        hint: 'Use --force to overwrite it, or --out FILE to write another file.',
        context: { file },
      });
    }
    throw new MirrorError('MB3009', `writing ${file}: ${messageOf(cause)}`, {
      hint: 'Check that the folder is writable and has free space.',
      cause,
      context: { path: file },
    });
  }
  if (flags.json === true) {
    await writeOut(context.stdout, `${JSON.stringify({ type: 'init', file, roots: requests.map(({ path }) => path) })}\n`);
    return;
  }
  const self = programName(context.env);
  const config = file === DEFAULT_FILE ? '' : ` --config ${shellWord(file)}`;
  context.stderr.write(`Created ${visibleText(file)}.\n`);
  for (const path of missing) context.stderr.write(`note: the directory ${visibleText(path)} does not exist yet\n`);
  context.stderr.write(`Next: ${self} config check${config}, then ${self} doctor${config}\n`);
}

/** Returns the text of a configuration with these roots and the local store; all other settings are comments. */
function firstConfig(roots: readonly { readonly path: string; readonly name?: string }[]): string {
  // A text in JSON quotes is also one of YAML. A literal ${ would be a variable.
  const quoted = (text: string): string => JSON.stringify(text.replaceAll('${', () => '$${'));
  const lines = roots.map(({ path, name }) =>
    name === undefined ? `  - ${quoted(path)}` : `  - { path: ${quoted(path)}, name: ${quoted(name)} }`,
  );
  const given = lines.length === 0 ? '#roots:\n#  - ./runs' : `roots:\n${lines.join('\n')}`;
  return `# mirrorboard. All settings: docs/configuration.md. Check it: mirrorboard config check --online
# \${VAR} is a required environment variable, \${VAR:-default} an optional one. Write secrets as \${VAR}, or put them into files.

# Log directories for backfill, watch and doctor without arguments. By default, the name of a root is the last part of its path.
${given}

# For all trackers: the name of the experiment or project, and tags.
#project: computer_vision
#tags: { team: vision }

# Names of the runs in trackers, with {path}, {path[0]}, {path[-1]}, {name}, {root}, {project}.
#runs:
#  experiment: "{project}"
#  name: "{path}"

# Where to mirror runs.
lanes:
  local:
    path: ./mirrorboard.db
#  mlflow: # docs/trackers/mlflow.md
#    tracking_uri: http://localhost:5000 # MLFLOW_TRACKING_URI overrides this
#    experiment_name: Production
#    tags: { version: v1 }
#  wandb: # docs/trackers/wandb.md; the key: WANDB_API_KEY, ~/.netrc or api_key_file
#    entity: research
#    project: mirror
#    mode: offline # online: send; offline: write folders for wandb sync
#  clearml: # docs/trackers/clearml.md; the keys: CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY, or ~/clearml.conf
#    api_server: http://localhost:8008
#    project: mirror
#    mode: offline # online: send; offline: write sessions to import
#  aim: # docs/trackers/aim.md
#    server: aim://localhost:53800
#    experiment: mirror
#  trackio: # docs/trackers/trackio.md; the token: TRACKIO_WRITE_TOKEN or write_token_file
#    url: http://localhost:7860
#    project: mirror
#  parquet: # docs/trackers/parquet.md
#    path: ./mirror-parquet # or s3://bucket/prefix

# Choose one with --profile, MIRRORBOARD_PROFILE or ENVIRONMENT.
#profiles:
#  development: { lanes: [local] }
#  production: { lanes: [local, mlflow], mlflow: { tracking_uri: "\${MLFLOW_URL}" } }
`;
}
