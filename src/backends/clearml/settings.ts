import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { redact, type TlsOptions } from '../../http/index.ts';
import type { ObjectStoreOptions } from '../../objects/index.ts';
import { parseObjectUrl } from '../../objects/index.ts';
import type { ParsedSettings, SettingProblem } from '../contract.ts';
import { bucketKeysOf } from './bucket-keys.ts';
import { type ConfFile, expandHome, readConfFile } from './conf-file.ts';

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

/** A lane's section of the configuration, checked and filled up. */
export interface ClearmlSettings {
  /** Of the lane; undefined: as the run says. */
  readonly project: string | undefined;
  /** Undefined: as the run is named. */
  readonly taskName: string | undefined;
  readonly taskType: string;
  readonly mode: 'online' | 'offline';
  /** Addresses, without user and password; empty where a lane is offline and there is none. */
  readonly apiServer: string;
  readonly filesServer: string;
  readonly webServer: string | undefined;
  readonly auth: { readonly accessKey: string; readonly secretKey: string } | { readonly token: string } | undefined;
  /** Where files go instead of the file server. */
  readonly objects: ObjectStoreOptions | undefined;
  readonly tls: TlsOptions;
  readonly extraRetryCodes: ReadonlySet<number>;
  readonly workerName: string | undefined;
  /** Where offline sessions lie. */
  readonly offlineFolder: string;
  readonly recreateDeleted: boolean;
}

type Kind = 'text' | 'path' | 'boolean';

interface Field {
  readonly key: string;
  readonly aliases?: readonly string[];
  /** The tracker's own variables: before the file. */
  readonly env?: readonly string[];
  /** Its place in `clearml.conf`: behind the file. */
  readonly conf?: string;
  readonly kind: Kind;
  readonly isSecret?: boolean;
  readonly fallback?: string | boolean;
}

const FIELDS: readonly Field[] = [
  { key: 'project', aliases: ['project_name'], env: ['CLEARML_PROJECT_NAME'], kind: 'text' },
  { key: 'task_name', kind: 'text' },
  { key: 'task_type', kind: 'text', fallback: 'training' },
  { key: 'mode', kind: 'text', fallback: 'online' },
  { key: 'api_server', aliases: ['url'], env: ['CLEARML_API_HOST'], conf: 'api.api_server', kind: 'text' },
  { key: 'files_server', env: ['CLEARML_FILES_HOST'], conf: 'api.files_server', kind: 'text' },
  { key: 'web_server', env: ['CLEARML_WEB_HOST'], conf: 'api.web_server', kind: 'text' },
  { key: 'access_key', env: ['CLEARML_API_ACCESS_KEY'], conf: 'api.credentials.access_key', kind: 'text', isSecret: true },
  { key: 'secret_key', env: ['CLEARML_API_SECRET_KEY'], conf: 'api.credentials.secret_key', kind: 'text', isSecret: true },
  { key: 'secret_key_file', kind: 'path' },
  { key: 'token', env: ['CLEARML_AUTH_TOKEN'], kind: 'text', isSecret: true },
  { key: 'token_file', kind: 'path' },
  { key: 'output_uri', env: ['CLEARML_DEFAULT_OUTPUT_URI'], conf: 'sdk.development.default_output_uri', kind: 'text' },
  { key: 's3_endpoint', kind: 'text' },
  { key: 's3_region', conf: 'sdk.aws.s3.region', kind: 'text' },
  { key: 's3_path_style', kind: 'boolean' },
  { key: 's3_access_key', conf: 'sdk.aws.s3.key', kind: 'text', isSecret: true },
  { key: 's3_secret_key', conf: 'sdk.aws.s3.secret', kind: 'text', isSecret: true },
  { key: 'verify_certificate', env: ['CLEARML_API_HOST_VERIFY_CERT'], conf: 'api.verify_certificate', kind: 'boolean', fallback: true },
  { key: 'ca_bundle', env: ['REQUESTS_CA_BUNDLE'], kind: 'path' },
  { key: 'cache_dir', env: ['CLEARML_CACHE_DIR'], kind: 'path', fallback: '~/.clearml' },
  { key: 'worker_name', env: ['CLEARML_WORKER_NAME'], kind: 'text' },
  { key: 'recreate_deleted', kind: 'boolean', fallback: false },
];

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a text',
  path: 'the path of a file or folder',
  boolean: 'true or false',
};

type Value = string | boolean;

interface Found {
  readonly value: Value | undefined;
  /** A variable's name, `file`, `clearml.conf` or `default`. */
  readonly source: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Checks a lane's section; the tracker's own variables stand before it, its own file and defaults behind it. */
export function parseSettings(section: Readonly<Record<string, unknown>>, env: Env): ParsedSettings<ClearmlSettings> {
  const problems: SettingProblem[] = [];
  const conf = readConfFile(env, problems);
  const found = new Map<string, Found>();
  const used = new Set<string>();
  for (const field of FIELDS) found.set(field.key, find(field, section, env, conf, used, problems));
  for (const key of Object.keys(section)) if (!used.has(key)) problems.push(unknownKey(key));
  if (isOn(env['CLEARML_OFFLINE_MODE'])) found.set('mode', { value: 'offline', source: 'CLEARML_OFFLINE_MODE' });

  const text = (key: string): string | undefined => found.get(key)?.value as string | undefined;
  const flag = (key: string): boolean | undefined => found.get(key)?.value as boolean | undefined;
  const oneOf = (key: string, words: readonly string[]): void => {
    const value = text(key);
    if (value !== undefined && !words.includes(value)) {
      problems.push({ path: [key], found: JSON.stringify(value), expected: `one of ${words.join(', ')}` });
    }
  };
  oneOf('task_type', TASK_TYPES);
  oneOf('mode', ['online', 'offline']);
  const isOnline = text('mode') !== 'offline';
  const api = address('api_server', text('api_server'), problems);
  if (api === undefined && isOnline && !problems.some(({ path }) => path[0] === 'api_server')) {
    problems.push({
      path: ['api_server'],
      found: 'nothing',
      expected: "the API server's address (http://HOST:8008)",
      hint: 'Set api_server, the variable CLEARML_API_HOST, or api.api_server in clearml.conf; or mode: offline.',
    });
  }
  const files = address('files_server', text('files_server'), problems);
  const web = address('web_server', text('web_server'), problems);
  const secretKey = text('secret_key') ?? secretFile('secret_key_file', text('secret_key_file'), problems);
  const token = text('token') ?? secretFile('token_file', text('token_file'), problems);
  const accessKey = text('access_key');
  const auth = accessKey !== undefined && secretKey !== undefined ? { accessKey, secretKey } : token === undefined ? undefined : { token };
  if (auth === undefined && isOnline && problems.length === 0) {
    problems.push({
      path: [accessKey === undefined ? 'access_key' : 'secret_key'],
      found: 'nothing',
      expected: 'an access key and a secret key',
      hint: 'Set CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY, or CLEARML_AUTH_TOKEN, or api.credentials in clearml.conf.',
    });
  }
  const objects = objectStore(found, conf, problems);
  if (problems.length > 0) return { kind: 'problems', problems };
  const caPath = text('ca_bundle');
  const settings: ClearmlSettings = {
    project: text('project'),
    taskName: text('task_name'),
    taskType: text('task_type') ?? 'training',
    mode: isOnline ? 'online' : 'offline',
    apiServer: api ?? '',
    filesServer: files ?? (api === undefined ? '' : sibling(api, '8081', 'files')),
    webServer: web ?? (api === undefined ? undefined : sibling(api, '8080', 'app')),
    auth,
    objects,
    tls: { insecure: flag('verify_certificate') === false, ...(caPath === undefined ? {} : { caPath }) },
    extraRetryCodes: new Set(
      (env['CLEARML_API_EXTRA_RETRY_CODES'] ?? '')
        .split(',')
        .map(Number)
        .filter((code) => code >= 400),
    ),
    workerName: text('worker_name'),
    offlineFolder: join(expandHome(text('cache_dir') ?? '~/.clearml', env), 'offline'),
    recreateDeleted: flag('recreate_deleted') === true,
  };
  const shown = FIELDS.flatMap(({ key, isSecret }) => {
    const { value, source } = found.get(key) ?? { value: undefined, source: 'default' };
    if (value === undefined) return [];
    return [{ key, value: isSecret === true ? '[redacted]' : typeof value === 'string' ? redact(value) : value, source }];
  });
  return { kind: 'settings', settings, shown };
}

function find(
  field: Field,
  section: Readonly<Record<string, unknown>>,
  env: Env,
  conf: ConfFile | undefined,
  used: Set<string>,
  problems: SettingProblem[],
): Found {
  const names = [field.key, ...(field.aliases ?? [])].filter((name) => Object.hasOwn(section, name));
  for (const name of names) used.add(name);
  const [name, second] = names;
  if (name !== undefined && second !== undefined) {
    problems.push({ path: [second], found: `${name} and ${second}`, expected: 'one of them: they mean the same' });
  }
  const variable = field.env?.find((candidate) => (env[candidate] ?? '') !== '');
  let raw: unknown;
  let source = 'default';
  if (variable !== undefined) {
    [raw, source] = [env[variable], variable];
    // The official tools take a list of certificates, or the word that switches them off.
    if (field.key === 'verify_certificate' && !/^(true|false|0|1|yes|no|on|off)$/i.test(String(raw))) raw = 'true';
  } else if (name !== undefined && section[name] !== null && section[name] !== undefined) {
    [raw, source] = [section[name], 'file'];
  } else if (field.conf !== undefined && conf !== undefined) {
    const value = conf.get(field.conf);
    if (value !== undefined && value !== '') [raw, source] = [typeof value === 'number' ? String(value) : value, 'clearml.conf'];
  }
  // As the SDK has it: `true` is the file server.
  if (field.key === 'output_uri' && typeof raw === 'boolean') raw = String(raw);
  if (raw === undefined) return { value: field.fallback, source: 'default' };
  const value = parsedValue(field.kind, raw, source !== 'file');
  if (value === undefined) {
    const shown = field.isSecret === true ? 'something else' : source === 'file' ? shownValue(raw) : `${shownValue(raw)} in ${source}`;
    problems.push({ path: [source === 'file' && name !== undefined ? name : field.key], found: shown, expected: EXPECTED[field.kind] });
  }
  return { value, source };
}

/** The value in its kind; undefined where it is none. Variables are texts whatever they mean. */
function parsedValue(kind: Kind, raw: unknown, isText: boolean): Value | undefined {
  switch (kind) {
    case 'boolean':
      if (typeof raw === 'boolean') return raw;
      if (!isText || typeof raw !== 'string') return undefined;
      if (/^(true|1|yes|on)$/i.test(raw)) return true;
      return /^(false|0|no|off)$/i.test(raw) ? false : undefined;
    case 'path':
    case 'text':
      if (typeof raw === 'number' && Number.isSafeInteger(raw)) return String(raw);
      return typeof raw === 'string' && raw !== '' ? raw : undefined;
    default:
      return kind satisfies never;
  }
}

function address(key: string, text: string | undefined, problems: SettingProblem[]): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return text.replace(/\/+$/, '');
  problems.push({ path: [key], found: JSON.stringify(redact(text)), expected: 'an address that begins with http:// or https://' });
  return undefined;
}

/** Where the other servers of an installation are, as the official tools guess: by port, or by the first part of the name. */
function sibling(api: string, port: string, name: string): string {
  const url = new URL(api);
  if (url.port === '8008') url.port = port;
  else if (/^api\./.test(url.hostname)) url.hostname = url.hostname.replace(/^api\./, `${name}.`);
  return url.href.replace(/\/+$/, '');
}

function objectStore(
  found: ReadonlyMap<string, Found>,
  conf: ConfFile | undefined,
  problems: SettingProblem[],
): ObjectStoreOptions | undefined {
  const text = (key: string): string | undefined => found.get(key)?.value as string | undefined;
  const isSaid = (key: string): boolean => found.get(key)?.source === 'file';
  const uri = text('output_uri');
  // The SDK's ways of saying: the file server, or nothing of one's own.
  if (uri === undefined || /^(true|false|1|0|https?:.*)$/i.test(uri)) return undefined;
  const place = parseObjectUrl(uri);
  if (place === undefined) {
    const source = found.get('output_uri')?.source;
    problems.push({
      path: ['output_uri'],
      found: `${JSON.stringify(redact(uri))}${source === 'file' ? '' : ` in ${source}`}`,
      expected: 's3://BUCKET/PREFIX, s3://HOST:PORT/BUCKET/PREFIX, or true for the file server',
      hint: /^gs:/i.test(uri)
        ? 'Google buckets speak S3 too, with HMAC keys: s3://storage.googleapis.com:443/BUCKET/PREFIX. Or write output_uri: true.'
        : 'Only buckets that speak S3 are known. Write output_uri: true to put files on the file server.',
    });
    return undefined;
  }
  const keys = bucketKeysOf(conf, place);
  const endpoint = text('s3_endpoint') ?? keys?.endpoint ?? place.endpoint;
  const region = isSaid('s3_region') ? text('s3_region') : (keys?.region ?? text('s3_region'));
  const pathStyle = found.get('s3_path_style')?.value as boolean | undefined;
  const isOfBucket = keys?.accessKey !== undefined && keys.secretKey !== undefined && !isSaid('s3_access_key');
  const [id, secret] = isOfBucket ? [keys.accessKey, keys.secretKey] : [text('s3_access_key'), text('s3_secret_key')];
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

function isOn(text: string | undefined): boolean {
  return text !== undefined && /^(1|true|yes|on|y)$/i.test(text);
}

function secretFile(key: string, path: string | undefined, problems: SettingProblem[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
    problems.push({ path: [key], found: 'an empty file', expected: 'a file that holds the secret' });
  } catch (error) {
    problems.push({ path: [key], found: messageOf(error), expected: 'a file that can be read' });
  }
  return undefined;
}

function unknownKey(key: string): SettingProblem {
  const plain = (name: string): string => name.replace(/[-_]/g, '').toLowerCase();
  const typed = plain(key);
  const names = FIELDS.flatMap((field) => [field.key, ...(field.aliases ?? [])]);
  const near =
    names.find((name) => plain(name) === typed) ?? names.find((name) => plain(name).includes(typed) || typed.includes(plain(name)));
  return {
    path: [key],
    found: `the key ${JSON.stringify(key)}`,
    expected: `one of ${FIELDS.map((field) => field.key).join(', ')}`,
    ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
  };
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(redact(value)) : String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
