import { readFileSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import { redact, type TlsOptions } from '../../http/index.ts';
import type { ParsedSettings, SettingProblem } from '../contract.ts';
import { netrcPassword } from './netrc.ts';

export type Mode = 'online' | 'offline' | 'disabled';
export type OffsetSemantics = 'replace' | 'append';

/** A lane's section of the configuration, checked and filled up. */
export interface WandbSettings {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** Undefined: the key's own. */
  readonly entity: string | undefined;
  /** Undefined: each run says its own. */
  readonly project: string | undefined;
  readonly group: string | undefined;
  readonly jobType: string | undefined;
  readonly tags: readonly string[];
  readonly notes: string | undefined;
  /** A run's name, where it is not that of the run. */
  readonly name: string | undefined;
  readonly mode: Mode;
  /** Where offline folders lie. */
  readonly dir: string;
  readonly offsetSemantics: OffsetSemantics;
  readonly silent: boolean;
  /** How long more of a growing run is waited for. */
  readonly gatherMs: number;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

type Kind = 'text' | 'path' | 'boolean' | 'seconds' | 'list' | 'mode' | 'semantics' | 'url';

interface Field {
  readonly key: string;
  readonly aliases?: readonly string[];
  /** The tracker's own variables: before the file. */
  readonly env?: readonly string[];
  readonly kind: Kind;
  readonly isSecret?: boolean;
  readonly fallback?: Value;
}

type Value = string | number | boolean | readonly string[];

const HOSTED = 'https://api.wandb.ai';

const FIELDS: readonly Field[] = [
  { key: 'base_url', aliases: ['host', 'url'], env: ['WANDB_BASE_URL'], kind: 'url', fallback: HOSTED },
  { key: 'api_key', env: ['WANDB_API_KEY'], kind: 'text', isSecret: true },
  { key: 'api_key_file', kind: 'path' },
  { key: 'entity', env: ['WANDB_ENTITY'], kind: 'text' },
  { key: 'project', env: ['WANDB_PROJECT'], kind: 'text' },
  { key: 'group', aliases: ['run_group'], env: ['WANDB_RUN_GROUP'], kind: 'text' },
  { key: 'job_type', env: ['WANDB_JOB_TYPE'], kind: 'text' },
  { key: 'tags', env: ['WANDB_TAGS'], kind: 'list', fallback: [] },
  { key: 'notes', env: ['WANDB_NOTES'], kind: 'text' },
  { key: 'name', kind: 'text' },
  { key: 'mode', env: ['WANDB_MODE'], kind: 'mode', fallback: 'online' },
  { key: 'dir', env: ['WANDB_DIR'], kind: 'path', fallback: './wandb' },
  { key: 'offset_semantics', kind: 'semantics', fallback: 'replace' },
  { key: 'silent', env: ['WANDB_SILENT'], kind: 'boolean', fallback: false },
  { key: 'log_interval', env: ['WANDB_LOG_INTERVAL_SECONDS'], kind: 'seconds', fallback: 2 },
  { key: 'request_timeout', env: ['WANDB_HTTP_TIMEOUT'], kind: 'seconds', fallback: 180 },
  { key: 'ca_bundle', env: ['REQUESTS_CA_BUNDLE'], kind: 'path' },
  { key: 'insecure_tls', env: ['WANDB_INSECURE_DISABLE_SSL'], kind: 'boolean', fallback: false },
];

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a text',
  path: 'a path',
  boolean: 'true or false',
  seconds: 'seconds, a number above 0',
  list: 'a list of texts',
  mode: 'online, offline or disabled',
  semantics: 'replace or append',
  url: 'an address: https://HOST',
};

interface Found {
  readonly value: Value | undefined;
  /** A variable's name, `file` or `default`. */
  readonly source: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Checks a lane's section; the tracker's own variables stand before it, defaults behind it. */
export function parseSettings(section: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<WandbSettings> {
  const problems: SettingProblem[] = [];
  const found = new Map<string, Found>();
  const used = new Set<string>();
  for (const field of FIELDS) found.set(field.key, find(field, section, env, used, problems));
  for (const key of Object.keys(section)) if (!used.has(key)) problems.push(unknownKey(key));

  const text = (key: string): string | undefined => found.get(key)?.value as string | undefined;
  const keyFile = text('api_key') === undefined ? secretFile(text('api_key_file'), problems) : undefined;
  if (problems.length > 0) return { kind: 'problems', problems };
  const url = new URL(text('base_url') ?? HOSTED);
  const fromNetrc = (text('api_key') ?? keyFile) ? undefined : netrcPassword(url.hostname, env);
  if (fromNetrc !== undefined) found.set('api_key', { value: fromNetrc.password, source: fromNetrc.file });
  if (text('mode') === 'online' && found.get('api_key')?.value === undefined && keyFile === undefined) {
    const hint =
      'Set api_key_file or the variable WANDB_API_KEY, log in with the official client (it writes ~/.netrc), or say mode: offline.';
    return { kind: 'problems', problems: [{ path: ['api_key'], found: 'nothing', expected: `the key for ${url.hostname}`, hint }] };
  }
  const caPath = text('ca_bundle');
  const settings: WandbSettings = {
    baseUrl: url.href.replace(/\/+$/, ''),
    apiKey: text('api_key') ?? keyFile,
    entity: text('entity'),
    project: text('project'),
    group: text('group'),
    jobType: text('job_type'),
    tags: found.get('tags')?.value as readonly string[],
    notes: text('notes'),
    name: text('name'),
    mode: text('mode') as Mode,
    dir: text('dir') as string,
    offsetSemantics: text('offset_semantics') as OffsetSemantics,
    silent: found.get('silent')?.value === true,
    gatherMs: (found.get('log_interval')?.value as number) * 1000,
    timeoutMs: (found.get('request_timeout')?.value as number) * 1000,
    tls: { insecure: found.get('insecure_tls')?.value === true, ...(caPath === undefined ? {} : { caPath }) },
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
  env: Environment,
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
    const isHidden = field.isSecret === true;
    problems.push({
      path,
      found: isHidden ? 'something else' : source === 'file' ? shownValue(raw) : `${shownValue(raw)} in ${source}`,
      expected: EXPECTED[field.kind],
    });
  }
  return { value, source };
}

/** The value in its kind; undefined where it is none. Variables are texts whatever they mean. */
function parsedValue(kind: Kind, raw: unknown, isVariable: boolean): Value | undefined {
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
    case 'list': {
      if (isVariable && typeof raw === 'string')
        return raw
          .split(',')
          .map((one) => one.trim())
          .filter((one) => one !== '');
      return Array.isArray(raw) && raw.every((one) => typeof one === 'string' || typeof one === 'number') ? raw.map(String) : undefined;
    }
    case 'mode':
      // The official client's older words for the same.
      if (raw === 'dryrun') return 'offline';
      if (raw === 'run') return 'online';
      return raw === 'online' || raw === 'offline' || raw === 'disabled' ? raw : undefined;
    case 'semantics':
      return raw === 'replace' || raw === 'append' ? raw : undefined;
    case 'url':
      return typeof raw === 'string' && /^https?:\/\/[^/]/i.test(raw) && URL.canParse(raw) ? raw : undefined;
    case 'path':
    case 'text':
      if (typeof raw === 'number' && Number.isSafeInteger(raw)) return String(raw);
      return typeof raw === 'string' && raw !== '' ? raw : undefined;
    default:
      return kind satisfies never;
  }
}

function secretFile(path: string | undefined, problems: SettingProblem[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
    problems.push({ path: ['api_key_file'], found: 'an empty file', expected: 'a file that holds the key' });
  } catch (error) {
    problems.push({ path: ['api_key_file'], found: messageOf(error), expected: 'a file that can be read' });
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

function shownValue(raw: unknown): string {
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'a mapping';
  const text = typeof raw === 'string' ? JSON.stringify(redact(raw)) : String(raw);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
