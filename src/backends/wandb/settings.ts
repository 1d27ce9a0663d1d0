import {
  ADDRESS,
  HEADERS,
  LIST,
  oneOf,
  PATH,
  SECONDS,
  Section,
  type SettingFields,
  SWITCH,
  TEXT,
} from '../../backend-kit/settings/index.ts';
import type { ParsedSettings } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import type { TlsOptions } from '../../http/index.ts';
import { netrcPassword } from './netrc.ts';

const MODES = ['online', 'offline', 'disabled'] as const;
const SEMANTICS = ['replace', 'append'] as const;

/** The target of rows: a server, folders, or nothing. */
export type Mode = (typeof MODES)[number];
/** The behavior of a server when it gets rows with an offset that it already has. */
export type OffsetSemantics = (typeof SEMANTICS)[number];

/** A lane's section of the configuration, validated and with defaults. */
export interface WandbSettings {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** Reads the key again from the file that holds it; undefined if no file does. */
  readonly keyAgain: (() => string | undefined) | undefined;
  /** Headers sent with every request to the server itself. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: that of the key. */
  readonly entity: string | undefined;
  /** Undefined: each run has its own. */
  readonly project: string | undefined;
  readonly group: string | undefined;
  readonly jobType: string | undefined;
  readonly tags: readonly string[];
  readonly notes: string | undefined;
  /** The name of a run at the service, if it differs from the run's own. */
  readonly name: string | undefined;
  readonly mode: Mode;
  /** The folder for offline runs. */
  readonly dir: string;
  readonly offsetSemantics: OffsetSemantics;
  readonly silent: boolean;
  /** The time to wait for more data of a growing run. */
  readonly gatherMs: number;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

/** The settings of a lane, by name. */
export const FIELDS = {
  base_url: { kind: ADDRESS, aliases: ['host', 'url'], env: ['WANDB_BASE_URL'], fallback: 'https://api.wandb.ai' },
  api_key: { kind: TEXT, env: ['WANDB_API_KEY'], isSecret: true },
  api_key_file: { kind: PATH, excludes: ['api_key'] },
  headers: { kind: HEADERS, isSecret: true },
  entity: { kind: TEXT, env: ['WANDB_ENTITY'] },
  project: { kind: TEXT, env: ['WANDB_PROJECT'] },
  group: { kind: TEXT, aliases: ['run_group'], env: ['WANDB_RUN_GROUP'] },
  job_type: { kind: TEXT, env: ['WANDB_JOB_TYPE'] },
  tags: { kind: LIST, env: ['WANDB_TAGS'], fallback: [] },
  notes: { kind: TEXT, env: ['WANDB_NOTES'] },
  name: { kind: TEXT },
  // This includes the official client's older words.
  mode: { kind: oneOf(MODES, { dryrun: 'offline', run: 'online' }), env: ['WANDB_MODE'], fallback: 'online' },
  dir: { kind: PATH, env: ['WANDB_DIR'], fallback: './wandb' },
  offset_semantics: { kind: oneOf(SEMANTICS), fallback: 'replace' },
  silent: { kind: SWITCH, env: ['WANDB_SILENT'], fallback: false },
  log_interval: { kind: SECONDS, env: ['WANDB_LOG_INTERVAL_SECONDS'], fallback: 2 },
  request_timeout: { kind: SECONDS, env: ['WANDB_HTTP_TIMEOUT'], fallback: 180 },
  ca_bundle: { kind: PATH, env: ['REQUESTS_CA_BUNDLE'] },
  insecure_tls: { kind: SWITCH, env: ['WANDB_INSECURE_DISABLE_SSL'], fallback: false },
} satisfies SettingFields;

/** Validates a lane's section; the tracker's own variables come before it, defaults after it. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<WandbSettings> {
  const section = new Section(FIELDS, raw, env);
  const configured = section.secret('api_key', 'api_key_file');
  const { href, hostname: host } = new URL(section.get('base_url'));
  const fromNetrc = configured === undefined && section.problems.length === 0 ? netrcPassword(host, env) : undefined;
  if (fromNetrc !== undefined) section.set('api_key', fromNetrc.password, fromNetrc.file);
  const apiKey = configured ?? fromNetrc?.password;
  if (section.get('mode') === 'online' && apiKey === undefined && section.problems.length === 0) {
    const hint =
      'Set api_key_file or the variable WANDB_API_KEY, log in with the official client (it writes ~/.netrc), or set mode: offline.';
    section.wrong('api_key', 'nothing', `the key for ${host}`, hint);
  }
  const caPath = section.get('ca_bundle');
  return section.result({
    baseUrl: href.replace(/\/+$/, ''),
    apiKey,
    keyAgain: section.secretAgain('api_key', 'api_key_file'),
    headers: section.get('headers') ?? {},
    entity: section.get('entity'),
    project: section.get('project'),
    group: section.get('group'),
    jobType: section.get('job_type'),
    tags: section.get('tags'),
    notes: section.get('notes'),
    name: section.get('name'),
    mode: section.get('mode'),
    dir: section.get('dir'),
    offsetSemantics: section.get('offset_semantics'),
    silent: section.get('silent'),
    gatherMs: section.get('log_interval') * 1000,
    timeoutMs: section.get('request_timeout') * 1000,
    tls: {
      insecure: section.get('insecure_tls'),
      names: { address: 'base_url', access: 'api_key_file (WANDB_API_KEY) or headers', ca: 'ca_bundle', cert: 'a client certificate' },
      ...(caPath === undefined ? {} : { caPath }),
    },
  });
}
