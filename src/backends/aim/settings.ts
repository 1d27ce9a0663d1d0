import { redact, type TlsOptions } from '../../http/index.ts';
import type { ParsedSettings, SettingProblem } from '../contract.ts';
import { addressOf, repoFolder } from './address.ts';
import { type ContextRule, isContextRule } from './handle.ts';
import { OPEN_RUNS } from './limits.ts';

/** A lane's section of the configuration, checked and filled up. */
export interface AimSettings {
  /** The server's address without user and password; undefined where a server of our own stands before `repo`. */
  readonly server: string | undefined;
  /** The folder of a repository that a server of our own is started for. */
  readonly repo: string | undefined;
  /** Sent with every request and with the write channel: what a proxy before the server asks for. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly experiment: string | undefined;
  readonly description: string | undefined;
  readonly context: ContextRule;
  readonly openRuns: number;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
  /** Where `aim up` shows the same repository, for links. */
  readonly ui: string | undefined;
  /** The program that starts a server. */
  readonly command: string;
}

type Kind = 'text' | 'boolean' | 'count' | 'seconds' | 'headers' | 'context';

interface Field {
  readonly key: string;
  readonly aliases?: readonly string[];
  /** The tracker's own variables: before the file. */
  readonly env?: string;
  readonly kind: Kind;
  readonly fallback?: string | number | boolean;
}

const FIELDS: readonly Field[] = [
  { key: 'server', aliases: ['url', 'backend_url'], kind: 'text' },
  { key: 'repo', kind: 'text' },
  { key: 'experiment', aliases: ['experiment_name'], kind: 'text' },
  { key: 'description', kind: 'text' },
  { key: 'headers', kind: 'headers' },
  { key: 'context', kind: 'context', fallback: 'none' },
  { key: 'open_runs', kind: 'count', fallback: OPEN_RUNS },
  { key: 'request_timeout', kind: 'seconds', fallback: 120 },
  { key: 'ca_bundle', kind: 'text' },
  { key: 'insecure_tls', kind: 'boolean', fallback: false },
  { key: 'ui', kind: 'text' },
  { key: 'aim_command', kind: 'text', fallback: 'aim' },
];

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a text',
  boolean: 'true or false',
  count: 'a number from 1 to 64',
  seconds: 'seconds, a number above 0',
  headers: 'names and values of headers',
  context: 'none, prefix or directory',
};

type Value = string | number | boolean | Readonly<Record<string, string>>;

/** Checks a lane's section; the tracker's own variables stand before it, defaults behind it. */
export function parseSettings(
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): ParsedSettings<AimSettings> {
  const problems: SettingProblem[] = [];
  const known = new Set(FIELDS.flatMap(({ key, aliases = [] }) => [key, ...aliases]));
  for (const key of Object.keys(section)) if (!known.has(key)) problems.push(unknownKey(key));
  const found = new Map(FIELDS.map((field) => [field.key, find(field, section, problems)] as const));
  const value = (key: string): Value | undefined => found.get(key)?.value;
  const text = (key: string): string | undefined => value(key) as string | undefined;
  const targets = targetOf(text('server'), text('repo'), env, problems);
  if (problems.length > 0 || targets === undefined) return { kind: 'problems', problems };

  const caPath = text('ca_bundle');
  const own = (value('headers') ?? {}) as Readonly<Record<string, string>>;
  const basic = targets.user === undefined ? {} : { authorization: basicOf(targets.user) };
  const settings: AimSettings = {
    server: targets.server,
    repo: targets.repo,
    headers: { ...basic, ...own },
    experiment: text('experiment'),
    description: text('description'),
    context: text('context') as ContextRule,
    openRuns: value('open_runs') as number,
    timeoutMs: (value('request_timeout') as number) * 1000,
    tls: { insecure: value('insecure_tls') === true, ...(caPath === undefined ? {} : { caPath }) },
    ui: text('ui')?.replace(/\/+$/, ''),
    command: text('aim_command') ?? 'aim',
  };
  return { kind: 'settings', settings, shown: shownOf(found, targets) };
}

interface Target {
  readonly server: string | undefined;
  readonly repo: string | undefined;
  readonly user: { readonly username: string; readonly password: string } | undefined;
  /** Where it was said, if in a variable. */
  readonly source: string;
}

/** A server or a folder, one of them; `AIM_REPO` may be either, as for Aim's own tools. */
function targetOf(
  server: string | undefined,
  repo: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  problems: SettingProblem[],
): Target | undefined {
  const variable = env['AIM_REPO'] ?? '';
  const isSaid = server !== undefined || repo !== undefined;
  if (server !== undefined && repo !== undefined) {
    problems.push({ path: ['repo'], found: 'server and repo', expected: 'one of them: a server has its own repository' });
    return undefined;
  }
  const said = variable !== '' && !isSaid ? variable : (server ?? repo);
  if (said === undefined) {
    if (problems.some(({ path }) => path[0] === 'server' || path[0] === 'repo')) return undefined;
    problems.push({
      path: ['server'],
      found: 'nothing',
      expected: "an Aim server's address (aim://HOST:53800) as server, or a repository's folder as repo",
      hint: 'Set server or repo, or the variable AIM_REPO.',
    });
    return undefined;
  }
  const key = server !== undefined ? 'server' : 'repo';
  const source = isSaid ? 'file' : 'AIM_REPO';
  const isAddress = /^(?:aim|https?):\/\//i.test(said.trim());
  if (key === 'repo' && !isAddress) return { server: undefined, repo: repoFolder(said), user: undefined, source };
  const address = addressOf(said);
  if (address.kind === 'server') return { server: address.uri, repo: undefined, user: address.user, source };
  problems.push({
    path: [key],
    found: JSON.stringify(redact(said)),
    expected: address.expected,
    ...(address.hint === undefined ? {} : { hint: address.hint }),
  });
  return undefined;
}

interface Found {
  readonly value: Value | undefined;
  readonly source: string;
}

function find(field: Field, section: Readonly<Record<string, unknown>>, problems: SettingProblem[]): Found {
  const names = [field.key, ...(field.aliases ?? [])].filter((name) => Object.hasOwn(section, name));
  const [name, second] = names;
  if (name !== undefined && second !== undefined) {
    problems.push({ path: [second], found: `${name} and ${second}`, expected: 'one of them: they mean the same' });
  }
  const raw = name === undefined ? undefined : section[name];
  if (name === undefined || raw === null || raw === undefined) return { value: field.fallback, source: 'default' };
  const value = parsedValue(field.kind, raw);
  if (value === undefined) problems.push({ path: [name], found: shownValue(field.kind, raw), expected: EXPECTED[field.kind] });
  return { value, source: 'file' };
}

/** The value in its kind; undefined where it is none. */
function parsedValue(kind: Kind, raw: unknown): Value | undefined {
  switch (kind) {
    case 'boolean':
      return typeof raw === 'boolean' ? raw : undefined;
    case 'count':
      return typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= 64 ? raw : undefined;
    case 'seconds':
      return typeof raw === 'number' && raw > 0 && Number.isFinite(raw) ? raw : undefined;
    case 'context':
      return isContextRule(raw) ? raw : undefined;
    case 'headers':
      return headersOf(raw);
    case 'text':
      // A name of digits only is a number to YAML.
      if (typeof raw === 'number' && Number.isSafeInteger(raw)) return String(raw);
      return typeof raw === 'string' && raw !== '' ? raw : undefined;
    default:
      return kind satisfies never;
  }
}

function headersOf(raw: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) || (typeof value !== 'string' && typeof value !== 'number')) return undefined;
    if (/[\r\n\0]/.test(String(value))) return undefined;
    headers[name.toLowerCase()] = String(value);
  }
  return headers;
}

function shownOf(
  found: ReadonlyMap<string, Found>,
  target: Target,
): { readonly key: string; readonly value: unknown; readonly source: string }[] {
  return FIELDS.flatMap(({ key, kind }) => {
    const { value, source } = found.get(key) ?? { value: undefined, source: 'default' };
    if (key === 'server' && target.server !== undefined) return [{ key, value: target.server, source: target.source }];
    if (key === 'repo' && target.repo !== undefined) return [{ key, value: target.repo, source: target.source }];
    if (value === undefined || key === 'server' || key === 'repo') return [];
    if (kind !== 'headers') return [{ key, value: typeof value === 'string' ? redact(value) : value, source }];
    return [{ key, value: Object.fromEntries(Object.keys(value).map((name) => [name, '[redacted]'])), source }];
  });
}

function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function unknownKey(key: string): SettingProblem {
  const plain = (name: string): string => name.replace(/[-_]/g, '').toLowerCase();
  const names = FIELDS.flatMap((field) => [field.key, ...(field.aliases ?? [])]);
  const near =
    names.find((name) => plain(name) === plain(key)) ??
    names.find((name) => plain(name).includes(plain(key)) || plain(key).includes(plain(name)));
  return {
    path: [key],
    found: `the key ${JSON.stringify(key)}`,
    expected: `one of ${FIELDS.map((field) => field.key).join(', ')}`,
    ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
  };
}

function shownValue(kind: Kind, value: unknown): string {
  if (kind === 'headers') return 'something else';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(redact(value)) : String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
