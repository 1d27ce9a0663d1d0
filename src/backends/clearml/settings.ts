import { join } from 'node:path';
import {
  ADDRESS,
  HEADERS,
  oneOf,
  PATH,
  Section,
  type SettingFields,
  type SettingKind,
  SWITCH,
  switchOf,
  TEXT,
} from '../../backend-kit/settings/index.ts';
import type { ParsedSettings, SettingProblem } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { redact, type TlsOptions } from '../../http/index.ts';
import { isObjectEndpoint, OBJECT_ENDPOINT, type ObjectStoreOptions, parseObjectUrl } from '../../objects/index.ts';
import { bucketKeysOf } from './bucket-keys.ts';
import { type ConfFile, expandHome, readConfFile } from './conf-file.ts';

/** The types that a task can have (`TaskType` in `apiserver/database/model/task/task.py`, without `report`). */
export const TASK_TYPES = [
  'training',
  'testing',
  'inference',
  'data_processing',
  'application',
  'monitor',
  'controller',
  'optimizer',
  'service',
  'qc',
  'custom',
] as const;

/** Credentials: a pair of keys, or a token. */
export type ClearmlAuth = { readonly accessKey: string; readonly secretKey: string } | { readonly token: string };

/** A lane's section of the configuration, validated and with defaults. */
export interface ClearmlSettings {
  /** The project of the lane; undefined: as the run says. */
  readonly project: string | undefined;
  /** The name of the task; undefined: that of the run. */
  readonly taskName: string | undefined;
  readonly taskType: string;
  readonly mode: 'online' | 'offline';
  /** Addresses, without user and password; empty if a lane is offline and there is none. */
  readonly apiServer: string;
  readonly filesServer: string;
  readonly webServer: string | undefined;
  readonly auth: ClearmlAuth | undefined;
  /** Reads the credentials again from their files; undefined if no file holds any. */
  readonly renewAuth?: () => ClearmlAuth | undefined;
  /** Headers of every request, also those to the file server. Secret. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The bucket for files, if they do not go to the file server. */
  readonly objects: ObjectStoreOptions | undefined;
  readonly tls: TlsOptions;
  readonly extraRetryCodes: ReadonlySet<number>;
  readonly workerName: string | undefined;
  /** The folder of the offline sessions. */
  readonly offlineFolder: string;
  readonly recreateDeleted: boolean;
}

/** The official tools also accept a list of certificates, which is not `false`. */
const VERIFY: SettingKind<boolean> = {
  ...SWITCH,
  parse: (raw, isVariable) => (isVariable && typeof raw === 'string' ? (switchOf(raw) ?? true) : SWITCH.parse(raw, isVariable)),
};

/** The place of files, as in the SDK: `true` is the file server. */
const OUTPUT: SettingKind<string> = {
  ...TEXT,
  parse: (raw, isVariable) => (typeof raw === 'boolean' ? String(raw) : TEXT.parse(raw, isVariable)),
};

/** The settings of a lane, by name. */
export const FIELDS = {
  project: { kind: TEXT, aliases: ['project_name'], env: ['CLEARML_PROJECT_NAME'] },
  task_name: { kind: TEXT },
  task_type: { kind: oneOf(TASK_TYPES), fallback: 'training' },
  mode: { kind: oneOf(['online', 'offline']), fallback: 'online' },
  api_server: { kind: ADDRESS, aliases: ['url'], env: ['CLEARML_API_HOST'] },
  files_server: { kind: ADDRESS, env: ['CLEARML_FILES_HOST'] },
  web_server: { kind: ADDRESS, env: ['CLEARML_WEB_HOST'] },
  access_key: { kind: TEXT, env: ['CLEARML_API_ACCESS_KEY'], isSecret: true },
  secret_key: { kind: TEXT, env: ['CLEARML_API_SECRET_KEY'], isSecret: true },
  secret_key_file: { kind: PATH, excludes: ['secret_key'] },
  token: { kind: TEXT, env: ['CLEARML_AUTH_TOKEN'], isSecret: true },
  token_file: { kind: PATH, excludes: ['token'] },
  headers: { kind: HEADERS, isSecret: true },
  output_uri: { kind: OUTPUT, env: ['CLEARML_DEFAULT_OUTPUT_URI'] },
  s3_endpoint: { kind: TEXT },
  s3_region: { kind: TEXT },
  s3_path_style: { kind: SWITCH },
  s3_access_key: { kind: TEXT, isSecret: true },
  s3_secret_key: { kind: TEXT, isSecret: true },
  verify_certificate: { kind: VERIFY, env: ['CLEARML_API_HOST_VERIFY_CERT'], fallback: true },
  ca_bundle: { kind: PATH, env: ['REQUESTS_CA_BUNDLE'] },
  cache_dir: { kind: PATH, env: ['CLEARML_CACHE_DIR'], fallback: '~/.clearml' },
  worker_name: { kind: TEXT, env: ['CLEARML_WORKER_NAME'] },
  recreate_deleted: { kind: SWITCH, fallback: false },
} satisfies SettingFields;

/** The keys of `clearml.conf` that hold the fields. The section of the lane overrides them. */
const IN_CONF: Readonly<Record<string, string>> = {
  api_server: 'api.api_server',
  files_server: 'api.files_server',
  web_server: 'api.web_server',
  access_key: 'api.credentials.access_key',
  secret_key: 'api.credentials.secret_key',
  output_uri: 'sdk.development.default_output_uri',
  s3_region: 'sdk.aws.s3.region',
  s3_access_key: 'sdk.aws.s3.key',
  s3_secret_key: 'sdk.aws.s3.secret',
  verify_certificate: 'api.verify_certificate',
};

/** Validates a lane's section. The tracker's own variables come before it, its own file and defaults after it. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<ClearmlSettings> {
  const unread: SettingProblem[] = [];
  const conf = readConfFile(env, unread);
  const section = new Section(FIELDS, raw, env, (key) => {
    const place = IN_CONF[key];
    const value = place === undefined ? undefined : conf?.get(place);
    if (value === undefined || value === '') return undefined;
    return { raw: typeof value === 'number' ? String(value) : value, source: 'clearml.conf' };
  });
  for (const problem of unread) section.problems.push(problem);
  if (switchOf(env['CLEARML_OFFLINE_MODE'] ?? '') === true) section.set('mode', 'offline', 'CLEARML_OFFLINE_MODE');
  const isOnline = section.get('mode') === 'online';
  const api = section.get('api_server');
  if (api === undefined && isOnline && !section.isWrong('api_server')) {
    const hint = 'Set api_server, the variable CLEARML_API_HOST, or api.api_server in clearml.conf; or mode: offline.';
    section.wrong('api_server', 'nothing', "the API server's address (http://HOST:8008)", hint);
  }
  const secretKey = section.secret('secret_key', 'secret_key_file');
  const token = section.secret('token', 'token_file');
  const accessKey = section.get('access_key');
  const authOf = (secret: string | undefined, text: string | undefined): ClearmlAuth | undefined => {
    if (accessKey !== undefined && secret !== undefined) return { accessKey, secretKey: secret };
    return text === undefined ? undefined : { token: text };
  };
  const auth = authOf(secretKey, token);
  const [secretAgain, tokenAgain] = [section.secretAgain('secret_key', 'secret_key_file'), section.secretAgain('token', 'token_file')];
  if (auth === undefined && isOnline && section.problems.length === 0) {
    const hint = 'Set CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY, or CLEARML_AUTH_TOKEN, or api.credentials in clearml.conf.';
    section.wrong(accessKey === undefined ? 'access_key' : 'secret_key', 'nothing', 'an access key and a secret key', hint);
  }
  const objects = objectStore(section, conf);
  const caPath = section.get('ca_bundle');
  return section.result({
    project: section.get('project'),
    taskName: section.get('task_name'),
    taskType: section.get('task_type'),
    mode: section.get('mode'),
    apiServer: api ?? '',
    filesServer: section.get('files_server') ?? (api === undefined ? '' : sibling(api, '8081', 'files')),
    webServer: section.get('web_server') ?? (api === undefined ? undefined : sibling(api, '8080', 'app')),
    auth,
    ...(secretAgain === undefined && tokenAgain === undefined
      ? {}
      : { renewAuth: () => authOf(secretAgain?.() ?? secretKey, tokenAgain?.() ?? token) }),
    headers: section.get('headers') ?? {},
    objects,
    tls: {
      insecure: !section.get('verify_certificate'),
      names: {
        address: 'api_server',
        access: 'access_key and secret_key (CLEARML_API_ACCESS_KEY, CLEARML_API_SECRET_KEY), token_file or headers',
        ca: 'ca_bundle',
        cert: 'a client certificate',
      },
      ...(caPath === undefined ? {} : { caPath }),
    },
    extraRetryCodes: new Set(
      (env['CLEARML_API_EXTRA_RETRY_CODES'] ?? '')
        .split(',')
        .map(Number)
        .filter((code) => code >= 400),
    ),
    workerName: section.get('worker_name'),
    offlineFolder: join(expandHome(section.get('cache_dir'), env), 'offline'),
    recreateDeleted: section.get('recreate_deleted'),
  });
}

/**
 * Returns the address of another server of an installation, as the official tools guess it: by port, or by the first
 * part of the name.
 */
function sibling(api: string, port: string, name: string): string {
  const url = new URL(api);
  if (url.port === '8008') url.port = port;
  else if (/^api\./.test(url.hostname)) url.hostname = url.hostname.replace(/^api\./, `${name}.`);
  return url.href.replace(/\/+$/, '');
}

function objectStore(section: Section<typeof FIELDS>, conf: ConfFile | undefined): ObjectStoreOptions | undefined {
  const uri = section.get('output_uri');
  // The SDK's values for the file server, or for no place of one's own.
  if (uri === undefined || /^(true|false|1|0|https?:.*)$/i.test(uri)) return undefined;
  const place = parseObjectUrl(uri);
  if (place === undefined) {
    const source = section.sourceOf('output_uri');
    section.wrong(
      'output_uri',
      `${JSON.stringify(redact(uri))}${source === 'file' ? '' : ` in ${source}`}`,
      's3://BUCKET/PREFIX, s3://HOST:PORT/BUCKET/PREFIX, or true for the file server',
      /^gs:/i.test(uri)
        ? 'Google buckets speak S3 too, with HMAC keys: s3://storage.googleapis.com:443/BUCKET/PREFIX. Or write output_uri: true.'
        : 'Only buckets that speak S3 are known. Write output_uri: true to put files on the file server.',
    );
    return undefined;
  }
  const keys = bucketKeysOf(conf, place);
  const endpoint = section.get('s3_endpoint') ?? keys?.endpoint ?? place.endpoint;
  if (endpoint !== undefined && !isObjectEndpoint(endpoint)) section.wrong('s3_endpoint', 'another text', OBJECT_ENDPOINT);
  const configuredRegion = section.get('s3_region');
  const region = section.sourceOf('s3_region') === 'file' ? configuredRegion : (keys?.region ?? configuredRegion);
  const pathStyle = section.get('s3_path_style');
  const isOfBucket = keys?.accessKey !== undefined && keys.secretKey !== undefined && section.sourceOf('s3_access_key') !== 'file';
  const [id, secret] = isOfBucket ? [keys.accessKey, keys.secretKey] : [section.get('s3_access_key'), section.get('s3_secret_key')];
  return {
    bucket: place.bucket,
    prefix: place.prefix,
    url: uri.replace(/\/+$/, ''),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(id === undefined || secret === undefined ? {} : { credentials: { accessKeyId: id, secretAccessKey: secret } }),
  };
}
