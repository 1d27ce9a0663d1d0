import { count, HEADERS, oneOf, PATH, SECONDS, Section, type SettingFields, SWITCH, TEXT } from '../../backend-kit/settings/index.ts';
import type { ParsedSettings } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { redact, type TlsOptions } from '../../http/index.ts';
import { addressOf, repoFolder } from './address.ts';
import { CONTEXT_RULES, type ContextRule } from './handle.ts';
import { OPEN_RUNS } from './limits.ts';

/** A lane's section of the configuration, validated and with defaults. */
export interface AimSettings {
  /** The server's address without user and password; undefined if mirrorboard starts its own server for `repo`. */
  readonly server: string | undefined;
  /** The folder of a repository for which mirrorboard starts a server. */
  readonly repo: string | undefined;
  /** Headers sent with every request and with the write channel, for a proxy in front of the server. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly experiment: string | undefined;
  readonly description: string | undefined;
  readonly context: ContextRule;
  readonly openRuns: number;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
  /** The address at which `aim up` shows the same repository, for links. */
  readonly ui: string | undefined;
  /** The program that starts a server. */
  readonly command: string;
}

/** The settings of a lane, by name. */
export const FIELDS = {
  server: { kind: TEXT, aliases: ['url', 'backend_url'] },
  repo: { kind: TEXT, excludes: ['server'] },
  experiment: { kind: TEXT, aliases: ['experiment_name'] },
  description: { kind: TEXT },
  headers: { kind: HEADERS, isSecret: true },
  context: { kind: oneOf(CONTEXT_RULES), fallback: 'none' },
  open_runs: { kind: count(1, 64), fallback: OPEN_RUNS },
  request_timeout: { kind: SECONDS, fallback: 120 },
  ca_bundle: { kind: PATH },
  insecure_tls: { kind: SWITCH, fallback: false },
  ui: { kind: TEXT },
  aim_command: { kind: TEXT, fallback: 'aim' },
} satisfies SettingFields;

/** Validates a lane's section; the tracker's own variable comes after it, then defaults. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<AimSettings> {
  const section = new Section(FIELDS, raw, env);
  const target = targetOf(section, env);
  if (target === undefined) return { kind: 'problems', problems: section.problems };
  section.set('server', target.server, target.source);
  section.set('repo', target.repo, target.source);
  const caPath = section.get('ca_bundle');
  const basic = target.user === undefined ? {} : { authorization: basicOf(target.user) };
  return section.result({
    server: target.server,
    repo: target.repo,
    headers: { ...basic, ...section.get('headers') },
    experiment: section.get('experiment'),
    description: section.get('description'),
    context: section.get('context'),
    openRuns: section.get('open_runs'),
    timeoutMs: section.get('request_timeout') * 1000,
    tls: {
      insecure: section.get('insecure_tls'),
      names: { address: 'server', access: 'headers', ca: 'ca_bundle', cert: 'a client certificate' },
      ...(caPath === undefined ? {} : { caPath }),
    },
    ui: section.get('ui')?.replace(/\/+$/, ''),
    command: section.get('aim_command'),
  });
}

interface Target {
  readonly server: string | undefined;
  readonly repo: string | undefined;
  readonly user: { readonly username: string; readonly password: string } | undefined;
  /** The source of the setting. */
  readonly source: string;
}

/** Returns the target: either a server or a folder. `AIM_REPO` may be either, as for Aim's own tools. */
function targetOf(section: Section<typeof FIELDS>, env: Environment): Target | undefined {
  const [server, repo] = [section.get('server'), section.get('repo')];
  const variable = env['AIM_REPO'] ?? '';
  const isConfigured = server !== undefined || repo !== undefined;
  if (server !== undefined && repo !== undefined) {
    section.wrong('repo', 'server and repo', 'one of them, because a server has its own repository');
    return undefined;
  }
  const target = variable !== '' && !isConfigured ? variable : (server ?? repo);
  if (target === undefined) {
    if (section.isWrong('server') || section.isWrong('repo')) return undefined;
    const expected = "an Aim server's address (aim://HOST:53800) as server, or a repository's folder as repo";
    section.wrong('server', 'nothing', expected, 'Set server or repo, or the variable AIM_REPO.');
    return undefined;
  }
  const key = server !== undefined ? 'server' : 'repo';
  const source = isConfigured ? 'file' : 'AIM_REPO';
  const isAddress = /^(?:aim|https?):\/\//i.test(target.trim());
  if (key === 'repo' && !isAddress) return { server: undefined, repo: repoFolder(target), user: undefined, source };
  const address = addressOf(target);
  if (address.kind === 'server') return { server: address.uri, repo: undefined, user: address.user, source };
  section.wrong(key, JSON.stringify(redact(target)), address.expected, address.hint);
  return undefined;
}

function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
