import { HEADERS, PATH, SECONDS, Section, type SettingFields, SWITCH, TEXT } from '../../backend-kit/settings/index.ts';
import type { ParsedSettings } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { type Auth, redact, type TlsOptions } from '../../http/index.ts';
import { addressOf, type MlflowAddress } from './address.ts';
import { ACCESS } from './answers.ts';
import { isDatabricksName } from './databricks.ts';
import type { Hosted, WrongAddress } from './hosted.ts';
import { hostedAt } from './services.ts';

/** A lane's section of the configuration, validated and with defaults. */
export interface MlflowSettings {
  /** The server's address or the store's, without user and password; or the name of a place in a service. */
  readonly uri: string;
  /** The address of requests. It differs from `uri` only for a service. */
  readonly endpoint: string;
  /** The service that hosts the server; undefined: none that differs from the open-source server. */
  readonly hosted: Hosted | undefined;
  /** `store`: a database or folder, for which mirrorboard starts a server of its own. */
  readonly kind: 'server' | 'store';
  readonly auth: Auth | undefined;
  /** Reads the credentials again from their files; undefined if no file holds any. */
  readonly renewAuth: (() => Auth | undefined) | undefined;
  /** Headers of every request. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly experimentName: string | undefined;
  readonly experimentId: string | undefined;
  /** The workspace, on a server that separates its data by workspaces; undefined: its default one. */
  readonly workspace: string | undefined;
  /** True if mirrorboard may store artifacts. */
  readonly artifacts: boolean;
  /** The place where a server of our own puts artifacts. */
  readonly artifactsDestination: string | undefined;
  readonly histogramPercentiles: boolean;
  readonly exactTimes: boolean;
  readonly restoreDeleted: boolean;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
  /** The program that starts a server. */
  readonly command: string;
  /** The address as it was given. It may contain secrets that must be passed on unchanged (a database's password). */
  readonly storeUri: string;
}

/** The settings of a lane, by name. */
export const FIELDS = {
  tracking_uri: { kind: TEXT, aliases: ['backend_url', 'url'], env: ['MLFLOW_TRACKING_URI'] },
  experiment_name: { kind: TEXT, aliases: ['experiment'], env: ['MLFLOW_EXPERIMENT_NAME'] },
  experiment_id: { kind: TEXT, env: ['MLFLOW_EXPERIMENT_ID'] },
  workspace: { kind: TEXT, env: ['MLFLOW_WORKSPACE'] },
  username: { kind: TEXT, env: ['MLFLOW_TRACKING_USERNAME'] },
  password: { kind: TEXT, env: ['MLFLOW_TRACKING_PASSWORD'], isSecret: true },
  password_file: { kind: PATH, excludes: ['password'] },
  token: { kind: TEXT, env: ['MLFLOW_TRACKING_TOKEN'], isSecret: true },
  token_file: { kind: PATH, excludes: ['token'] },
  headers: { kind: HEADERS, isSecret: true },
  insecure_tls: { kind: SWITCH, env: ['MLFLOW_TRACKING_INSECURE_TLS'], fallback: false },
  server_cert_path: { kind: PATH, aliases: ['ca_bundle'], env: ['MLFLOW_TRACKING_SERVER_CERT_PATH'] },
  client_cert_path: { kind: PATH, env: ['MLFLOW_TRACKING_CLIENT_CERT_PATH'] },
  request_timeout: { kind: SECONDS, env: ['MLFLOW_HTTP_REQUEST_TIMEOUT'], fallback: 120 },
  artifacts: { kind: SWITCH, fallback: true },
  artifacts_destination: { kind: TEXT },
  histogram_percentiles: { kind: SWITCH, fallback: false },
  exact_times: { kind: SWITCH, fallback: false },
  restore_deleted: { kind: SWITCH, fallback: false },
  mlflow_command: { kind: TEXT, fallback: 'mlflow' },
} satisfies SettingFields;

/** Least timeout of a request: batches take ten seconds on a loaded server. */
const LEAST_TIMEOUT_SECONDS = 60;

/** Validates a lane's section. The tracker's own variables come before it, defaults after it. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<MlflowSettings> {
  const section = sectionOf(raw, env);
  const uri = section.get('tracking_uri');
  const password = section.secret('password', 'password_file');
  const token = section.secret('token', 'token_file');
  const given = { username: section.get('username'), password, token };
  const service = uri === undefined ? undefined : hostedAt(uri, env, given);
  const hosted = service?.kind === 'hosted' ? service : undefined;
  const address = uri === undefined ? undefined : service === undefined ? addressOf(uri) : placeOf(service, uri);
  if (address === undefined && !section.isWrong('tracking_uri')) {
    const expected = "a tracking server's address (http://HOST:5000) or a store (sqlite:///mlflow.db)";
    section.wrong('tracking_uri', 'nothing', expected, 'Set tracking_uri, or the variable MLFLOW_TRACKING_URI.');
  } else if (address?.kind === 'wrong') {
    const { found = JSON.stringify(redact(uri ?? '')), expected, hint, isLocal } = address;
    const details = { ...(hint === undefined ? {} : { hint }), ...(isLocal === undefined ? {} : { isLocal }) };
    section.problems.push({ path: ['tracking_uri'], found, expected, ...details });
  }
  const workspace = section.get('workspace');
  if (workspace !== undefined && !/^[\x21-\x7e]{1,200}$/.test(workspace)) {
    section.wrong('workspace', JSON.stringify(workspace), 'the name of a workspace: letters, digits and dashes');
  }
  const experimentName = section.get('experiment_name');
  const nameProblem = experimentName === undefined ? undefined : hosted?.nameProblem?.(experimentName);
  if (nameProblem !== undefined && section.get('experiment_id') === undefined) {
    section.wrong('experiment_name', JSON.stringify(experimentName), nameProblem.expected, nameProblem.hint);
  }
  if (section.problems.length > 0 || address === undefined || address.kind === 'wrong') {
    return { kind: 'problems', problems: section.problems };
  }
  const username = given.username ?? address.username;
  const own = (secret: string | undefined, bearer: string | undefined): Auth | undefined =>
    authOf(username, secret ?? address.password, bearer, hosted?.tokenUser);
  const auth = own(password, token);
  const caPath = section.get('server_cert_path');
  const certPath = section.get('client_cert_path');
  const settings: MlflowSettings = {
    uri: address.uri,
    endpoint: hosted?.endpoint ?? address.uri,
    hosted,
    kind: address.kind,
    storeUri: address.whole,
    auth: auth ?? hosted?.auth,
    renewAuth: auth === undefined ? hosted?.renewAuth : renewOf(section, (again) => own(again.password ?? password, again.token ?? token)),
    headers: section.get('headers') ?? {},
    experimentName,
    experimentId: section.get('experiment_id'),
    workspace: section.get('workspace'),
    artifacts: section.get('artifacts'),
    artifactsDestination: section.get('artifacts_destination'),
    histogramPercentiles: section.get('histogram_percentiles'),
    exactTimes: section.get('exact_times'),
    restoreDeleted: section.get('restore_deleted'),
    timeoutMs: Math.max(section.get('request_timeout'), LEAST_TIMEOUT_SECONDS) * 1000,
    tls: {
      insecure: section.get('insecure_tls'),
      names: {
        address: 'tracking_uri',
        access: hosted?.credentials ?? ACCESS,
        ca: 'server_cert_path',
        cert: 'client_cert_path',
      },
      ...(caPath === undefined ? {} : { caPath }),
      ...(certPath === undefined ? {} : { certPath }),
    },
    command: section.get('mlflow_command'),
  };
  return section.result(settings, address.password === undefined ? [] : [address.password]);
}

/**
 * Reads a section. The official client, too, uses its variables with credentials only for addresses of servers: they
 * are not those of a workspace that Databricks' own settings name.
 */
function sectionOf(raw: Readonly<Record<string, unknown>>, env: Environment): Section<typeof FIELDS> {
  const section = new Section(FIELDS, raw, env);
  if (!isDatabricksName(section.get('tracking_uri') ?? '')) return section;
  const { MLFLOW_TRACKING_TOKEN: _token, MLFLOW_TRACKING_USERNAME: _username, MLFLOW_TRACKING_PASSWORD: _password, ...rest } = env;
  return new Section(FIELDS, raw, rest);
}

function renewOf(
  section: Section<typeof FIELDS>,
  auth: (again: { readonly password: string | undefined; readonly token: string | undefined }) => Auth | undefined,
): MlflowSettings['renewAuth'] {
  const [password, token] = [section.secretAgain('password', 'password_file'), section.secretAgain('token', 'token_file')];
  return password === undefined && token === undefined ? undefined : () => auth({ password: password?.(), token: token?.() });
}

/** Returns a service's place as an address. */
function placeOf(service: Hosted | WrongAddress, whole: string): MlflowAddress {
  if (service.kind === 'wrong') return service;
  return { kind: 'server', uri: service.uri, whole, username: undefined, password: undefined };
}

/**
 * Chooses credentials as the official client does: user and password come before a token. `tokenUser`: the user whose
 * password a token is.
 */
function authOf(
  username: string | undefined,
  password: string | undefined,
  token: string | undefined,
  tokenUser: string | undefined,
): Auth | undefined {
  if (username !== undefined && password !== undefined) return { username, password };
  if (token === undefined) return undefined;
  return tokenUser === undefined ? { token } : { username: tokenUser, password: token };
}
