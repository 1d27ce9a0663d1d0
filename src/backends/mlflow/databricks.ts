import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Environment } from '../../environment.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import type { Auth } from '../../http/index.ts';
import type { GivenCredentials, Hosted, NameProblem, WrongAddress } from './hosted.ts';
import { OAuthToken } from './oauth-token.ts';

/** Addresses of workspaces (https://docs.databricks.com/aws/en/workspace/workspace-details). */
const WORKSPACE_HOST =
  /^https:\/\/[^/@:]+\.(?:cloud\.databricks\.com|azuredatabricks\.net|gcp\.databricks\.com|databricks\.azure\.(?:us|cn))(?=\/|$)/i;

/** The settings of a workspace, from variables or from one profile of Databricks' own file. */
interface Workspace {
  readonly host?: string | undefined;
  readonly token?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly workspaceId?: string | undefined;
}

const LOGIN_HINT =
  'Set DATABRICKS_HOST and DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET), or write them into a ' +
  'profile of ~/.databrickscfg.';

/** True if the address names no server, but settings of Databricks' own tools. */
export function isDatabricksName(address: string): boolean {
  return /^\s*databricks(?::|\s*$)/i.test(address);
}

/**
 * Reads `databricks`, `databricks://PROFILE` or the address of a workspace, as the official client does: a profile in
 * the address counts alone, otherwise variables come before the file.
 */
export function databricksAt(address: string, env: Environment, given: GivenCredentials): Hosted | WrongAddress | undefined {
  const workspace = WORKSPACE_HOST.exec(address)?.[0];
  if (workspace !== undefined) return hosted(workspace, {}, undefined);
  if (!isDatabricksName(address)) return undefined;
  const [isValid, named] = /^databricks(?::\/\/([^/:?#@]+))?\/?$/i.exec(address) ?? [];
  const expected = 'databricks, or databricks://PROFILE with a profile of ~/.databrickscfg';
  if (isValid === undefined) return { kind: 'wrong', expected, hint: 'A secret scope (SCOPE:PREFIX) only works inside of Databricks.' };
  const chosen = named ?? (env['DATABRICKS_CONFIG_PROFILE'] || undefined);
  const isFromVariables = chosen === undefined && Boolean(env['DATABRICKS_HOST']);
  const file = fileOf(env);
  let profile: string;
  let found: Workspace | undefined;
  try {
    // The name counts from now on: another default profile may be that of another workspace.
    profile = chosen ?? (isFromVariables ? '' : defaultProfileIn(file));
    found = isFromVariables ? fromVariables(env) : fromFile(file, profile);
  } catch (error) {
    return { kind: 'wrong', found: messageOf(error), expected: 'a readable file', hint: LOGIN_HINT, isLocal: true };
  }
  const source = isFromVariables ? 'the variables DATABRICKS_*' : `the profile ${profile} in ${file}`;
  const host = hostOf(found?.host);
  if (found === undefined || host === undefined) {
    const what = found === undefined ? `nothing at ${source}` : `no valid host in ${source}`;
    return { kind: 'wrong', found: what, expected: 'the address of a workspace', hint: LOGIN_HINT, isLocal: true };
  }
  const hasOwn = given.token !== undefined || given.password !== undefined;
  const isOAuth = found.clientId !== undefined && found.clientSecret !== undefined;
  if (!hasOwn && found.token === undefined && !isOAuth) {
    const what = `no token and no client_secret in ${source}`;
    return { kind: 'wrong', found: what, expected: 'credentials that mirrorboard supports', hint: LOGIN_HINT, isLocal: true };
  }
  const again = (): Workspace | undefined => {
    const next = isFromVariables ? found : quietly(() => fromFile(file, profile));
    if (next === undefined || hostOf(next.host) === host) return next;
    throw otherWorkspace(host, source);
  };
  const base = hosted(host, found, hasOwn ? undefined : source);
  if (hasOwn) return base;
  if (found.token !== undefined) {
    const renewAuth = (): Auth | undefined => {
      const token = again()?.token;
      return token === undefined ? undefined : { token };
    };
    return { ...base, auth: { token: found.token }, renewAuth };
  }
  const request = () => {
    const { clientId: username = '', clientSecret: password = '' } = again() ?? {};
    return {
      url: new URL('/oidc/v1/token', host),
      auth: { username, password },
      form: { grant_type: 'client_credentials', scope: 'all-apis' },
      secrets: [],
    };
  };
  const hint = `Correct client_id and client_secret (${source}): they are those of a service principal of this workspace.`;
  return { ...base, authorizer: ({ tls, clock }) => new OAuthToken({ request, hint, tls, clock }) };
}

function hosted(host: string, { workspaceId }: Workspace, credentials: string | undefined): Hosted {
  return {
    kind: 'hosted',
    name: 'Databricks',
    uri: host,
    endpoint: host,
    ...(workspaceId === undefined ? {} : { headers: { 'x-databricks-org-id': workspaceId } }),
    credentials,
    nameProblem,
    pageOf: (experimentId, runId) => `${host}/#mlflow/experiments/${experimentId}/runs/${runId}`,
    notes: ['Databricks holds at most a million points of metrics in a run by default, and refuses further ones.'],
  };
}

/** The credentials that are there now are those of another workspace: the one in use must not see them. */
function otherWorkspace(host: string, source: string): MirrorError {
  return new MirrorError('MB4002', `reading the credentials for ${host} again: ${source} is now for another workspace`, {
    hint: `Restart mirrorboard to mirror into the other workspace, or set the former host in ${source} again.`,
    context: { address: host },
  });
}

/** Experiments are objects in the workspace's tree of folders. */
function nameProblem(name: string): NameProblem | undefined {
  if (/^\/[^/]/.test(name)) return undefined;
  return {
    expected: 'the path of an experiment in the workspace, which Databricks requires',
    hint: 'Write experiment_name: /Users/YOU@EXAMPLE.COM/NAME or /Shared/NAME. The folder must exist.',
  };
}

function fromVariables(env: Environment): Workspace {
  return workspaceOf((name) => env[`DATABRICKS_${name.toUpperCase()}`]);
}

function fileOf(env: Environment): string {
  const home = env['HOME'] ?? homedir();
  return (env['DATABRICKS_CONFIG_FILE'] || '~/.databrickscfg').replace(/^~(?=\/)/, () => home);
}

/** Returns the name of the profile that counts if none is given. Throws if the file cannot be read. */
function defaultProfileIn(path: string): string {
  return profilesIn(readFileSync(path, 'utf8')).get('__settings__')?.get('default_profile') || 'DEFAULT';
}

/** Reads a profile; undefined if the file has no such profile. Throws if the file cannot be read. */
function fromFile(path: string, profile: string): Workspace | undefined {
  const fields = profilesIn(readFileSync(path, 'utf8')).get(profile);
  if (fields === undefined) return undefined;
  return workspaceOf((name) => fields.get(name));
}

/** Returns the workspace that fields name, by their names in a profile. Empty ones do not count. */
function workspaceOf(field: (name: string) => string | undefined): Workspace {
  return {
    host: field('host') || undefined,
    token: field('token') || undefined,
    clientId: field('client_id') || undefined,
    clientSecret: field('client_secret') || undefined,
    workspaceId: headerText(field('workspace_id') || undefined),
  };
}

/** Reads an INI file as Databricks' own tools do: sections, `name = value`, whole lines of comments. */
function profilesIn(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const profiles = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (/^[#;]/.test(line)) continue;
    const name = /^\[(.*)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      section = profiles.get(name) ?? new Map();
      profiles.set(name, section);
      continue;
    }
    const at = line.search(/[=:]/);
    if (at > 0) section?.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim());
  }
  return profiles;
}

/** Returns the address of a workspace, which may be written without https://. */
function hostOf(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : new URL(text.includes('://') ? text : `https://${text}`).origin;
  } catch {
    return undefined;
  }
}

function headerText(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w-]{1,64}$/.test(text) ? text : undefined;
}

/** Another process may be replacing the file at this moment: the caller asks again. */
function quietly(read: () => Workspace | undefined): Workspace | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
