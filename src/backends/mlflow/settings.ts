import { readFileSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import { redact, type TlsOptions } from '../../http/index.ts';
import type { ParsedSettings, SettingProblem } from '../contract.ts';
import { addressOf } from './address.ts';

/** A lane's section of the configuration, checked and filled up. */
export interface MlflowSettings {
  /** The server's address or the store's, without user and password. */
  readonly uri: string;
  /** `store`: a database or folder that a server of our own is started for. */
  readonly kind: 'server' | 'store';
  readonly auth: { readonly username: string; readonly password: string } | { readonly token: string } | undefined;
  readonly experimentName: string | undefined;
  readonly experimentId: string | undefined;
  /** Whether anything is kept as an artifact. */
  readonly artifacts: boolean;
  /** Where a server of our own puts artifacts. */
  readonly artifactsDestination: string | undefined;
  readonly histogramPercentiles: boolean;
  readonly exactTimes: boolean;
  readonly restoreDeleted: boolean;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
  /** The program that starts a server. */
  readonly command: string;
  /** Secrets that stand inside of an address that has to be handed on as it is (a database's password). */
  readonly storeUri: string;
}

type Kind = 'text' | 'path' | 'boolean' | 'seconds';

interface Field {
  readonly key: string;
  readonly aliases?: readonly string[];
  /** The tracker's own variables: before the file. */
  readonly env?: readonly string[];
  readonly kind: Kind;
  readonly isSecret?: boolean;
  readonly fallback?: string | number | boolean;
}

const FIELDS: readonly Field[] = [
  { key: 'tracking_uri', aliases: ['backend_url', 'url'], env: ['MLFLOW_TRACKING_URI'], kind: 'text' },
  { key: 'experiment_name', aliases: ['experiment'], env: ['MLFLOW_EXPERIMENT_NAME'], kind: 'text' },
  { key: 'experiment_id', env: ['MLFLOW_EXPERIMENT_ID'], kind: 'text' },
  { key: 'username', env: ['MLFLOW_TRACKING_USERNAME'], kind: 'text' },
  { key: 'password', env: ['MLFLOW_TRACKING_PASSWORD'], kind: 'text', isSecret: true },
  { key: 'password_file', kind: 'path' },
  { key: 'token', env: ['MLFLOW_TRACKING_TOKEN'], kind: 'text', isSecret: true },
  { key: 'token_file', kind: 'path' },
  { key: 'insecure_tls', env: ['MLFLOW_TRACKING_INSECURE_TLS'], kind: 'boolean', fallback: false },
  { key: 'server_cert_path', aliases: ['ca_bundle'], env: ['MLFLOW_TRACKING_SERVER_CERT_PATH'], kind: 'path' },
  { key: 'client_cert_path', env: ['MLFLOW_TRACKING_CLIENT_CERT_PATH'], kind: 'path' },
  { key: 'request_timeout', env: ['MLFLOW_HTTP_REQUEST_TIMEOUT'], kind: 'seconds', fallback: 120 },
  { key: 'artifacts', kind: 'boolean', fallback: true },
  { key: 'artifacts_destination', kind: 'text' },
  { key: 'histogram_percentiles', kind: 'boolean', fallback: false },
  { key: 'exact_times', kind: 'boolean', fallback: false },
  { key: 'restore_deleted', kind: 'boolean', fallback: false },
  { key: 'mlflow_command', kind: 'text', fallback: 'mlflow' },
];

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a text',
  path: 'the path of a file',
  boolean: 'true or false',
  seconds: 'seconds, a number above 0',
};

/** Least time a request is given: batches take ten seconds on a loaded server. */
const LEAST_TIMEOUT_SECONDS = 60;

interface Found {
  readonly value: string | number | boolean | undefined;
  /** A variable's name, `file` or `default`. */
  readonly source: string;
}

/** Checks a lane's section; the tracker's own variables stand before it, defaults behind it. */
export function parseSettings(
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): ParsedSettings<MlflowSettings> {
  const problems: SettingProblem[] = [];
  const found = new Map<string, Found>();
  const used = new Set<string>();
  for (const field of FIELDS) found.set(field.key, find(field, section, env, used, problems));
  for (const key of Object.keys(section)) if (!used.has(key)) problems.push(unknownKey(key));

  const text = (key: string): string | undefined => found.get(key)?.value as string | undefined;
  const flag = (key: string): boolean => found.get(key)?.value === true;
  const uri = text('tracking_uri');
  const address = uri === undefined ? undefined : addressOf(uri);
  if (address === undefined && !problems.some(({ path }) => path[0] === 'tracking_uri')) {
    problems.push({
      path: ['tracking_uri'],
      found: 'nothing',
      expected: "a tracking server's address (http://HOST:5000) or a store (sqlite:///mlflow.db)",
      hint: 'Set tracking_uri, or the variable MLFLOW_TRACKING_URI.',
    });
  } else if (address?.kind === 'wrong') {
    problems.push({
      path: ['tracking_uri'],
      found: JSON.stringify(redact(uri ?? '')),
      expected: address.expected,
      ...hintOf(address.hint),
    });
  }
  const password = text('password') ?? secretFile('password_file', text('password_file'), problems);
  const token = text('token') ?? secretFile('token_file', text('token_file'), problems);
  if (problems.length > 0 || address === undefined || address.kind === 'wrong') return { kind: 'problems', problems };

  const username = text('username') ?? address.username;
  const timeoutSeconds = Math.max(found.get('request_timeout')?.value as number, LEAST_TIMEOUT_SECONDS);
  const caPath = text('server_cert_path');
  const certPath = text('client_cert_path');
  const settings: MlflowSettings = {
    uri: address.uri,
    kind: address.kind,
    storeUri: address.whole,
    auth: authOf(username, password ?? address.password, token),
    experimentName: text('experiment_name'),
    experimentId: text('experiment_id'),
    artifacts: flag('artifacts'),
    artifactsDestination: text('artifacts_destination'),
    histogramPercentiles: flag('histogram_percentiles'),
    exactTimes: flag('exact_times'),
    restoreDeleted: flag('restore_deleted'),
    timeoutMs: timeoutSeconds * 1000,
    tls: {
      insecure: flag('insecure_tls'),
      names: { address: 'tracking_uri', ca: 'server_cert_path', cert: 'client_cert_path' },
      ...(caPath === undefined ? {} : { caPath }),
      ...(certPath === undefined ? {} : { certPath }),
    },
    command: text('mlflow_command') ?? 'mlflow',
  };
  const secrets = address.password === undefined ? [] : [address.password];
  const shown = FIELDS.flatMap(({ key, isSecret }) => {
    const { value, source } = found.get(key) ?? { value: undefined, source: 'default' };
    if (value === undefined) return [];
    return [{ key, value: isSecret === true ? '[redacted]' : typeof value === 'string' ? redact(value, secrets) : value, source }];
  });
  return { kind: 'settings', settings, shown };
}

function find(
  field: Field,
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
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
  const [raw, source, path] =
    variable !== undefined
      ? [env[variable], variable, [field.key]]
      : name !== undefined && section[name] !== null && section[name] !== undefined
        ? [section[name], 'file', [name]]
        : [undefined, 'default', [field.key]];
  if (raw === undefined) return { value: field.fallback, source };
  const value = parsedValue(field.kind, raw, source !== 'file');
  if (value === undefined) {
    const shown = field.isSecret === true ? 'something else' : source === 'file' ? shownValue(raw) : `${shownValue(raw)} in ${source}`;
    problems.push({ path, found: shown, expected: EXPECTED[field.kind] });
  }
  return { value, source };
}

/** The value in its kind; undefined where it is none. Variables are texts whatever they mean. */
function parsedValue(kind: Kind, raw: unknown, isVariable: boolean): string | number | boolean | undefined {
  switch (kind) {
    case 'boolean': {
      if (typeof raw === 'boolean') return raw;
      if (!isVariable || typeof raw !== 'string') return undefined;
      if (/^(true|1|yes|on)$/i.test(raw)) return true;
      return /^(false|0|no|off)$/i.test(raw) ? false : undefined;
    }
    case 'seconds': {
      const seconds = typeof raw === 'number' ? raw : isVariable && typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
      return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
    }
    case 'path':
    case 'text':
      // An id or a password of digits only is a number to YAML.
      if (typeof raw === 'number' && Number.isSafeInteger(raw)) return String(raw);
      return typeof raw === 'string' && raw !== '' ? raw : undefined;
    default:
      return kind satisfies never;
  }
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

/** As the official client: user and password come before a token. */
function authOf(username: string | undefined, password: string | undefined, token: string | undefined): MlflowSettings['auth'] {
  if (username !== undefined && password !== undefined) return { username, password };
  return token === undefined ? undefined : { token };
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
    ...hintOf(near === undefined ? undefined : `Did you mean ${near}?`),
  };
}

function hintOf(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(redact(value)) : String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
