import { readFileSync } from 'node:fs';
import type { Environment } from '../../environment.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import type { GivenCredentials, Hosted, WrongAddress } from './hosted.ts';
import { AZURE_ML_QUOTAS } from './limits.ts';
import { OAuthToken, type TokenRequest } from './oauth-token.ts';

/** A workspace's address, as `az ml workspace show --query mlflow_tracking_uri` writes it, or with https. */
const ADDRESS = /^(?:azureml|https):\/\/([^/?#@]+)\/mlflow\/v\d+\.\d+(\/[^?#]+?)\/?(?:\?.*)?$/i;
const SCOPE = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/[^/]+$/i;

/**
 * The clouds: the end of a workspace's host (https://learn.microsoft.com/azure/machine-learning/how-to-custom-dns), the
 * authority, the resource. A token for the resource opens more than Azure ML: no other host may get one.
 */
const CLOUDS = [
  ['.api.azureml.ms', 'https://login.microsoftonline.com', 'https://management.azure.com'],
  ['.api.ml.azure.cn', 'https://login.chinacloudapi.cn', 'https://management.chinacloudapi.cn'],
  ['.api.ml.azure.us', 'https://login.microsoftonline.us', 'https://management.usgovcloudapi.net'],
] as const;

const LOGIN_HINT =
  'Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE) of a service principal, ' +
  'or token_file with a token that something else renews.';

/** Reads the address of a workspace of Azure Machine Learning. */
export function azureMlAt(address: string, env: Environment, given: GivenCredentials): Hosted | WrongAddress | undefined {
  const [, host, scope] = ADDRESS.exec(address) ?? [];
  if (host === undefined || scope === undefined || !SCOPE.test(scope)) {
    if (!/^azureml:/i.test(address)) return undefined;
    const expected = 'the tracking address of a workspace (azureml://REGION.api.azureml.ms/mlflow/v1.0/subscriptions/…/workspaces/NAME)';
    return { kind: 'wrong', expected, hint: 'az ml workspace show --query mlflow_tracking_uri prints it.' };
  }
  // The official client, too, calls this version, whatever the address has.
  const endpoint = `https://${host.toLowerCase()}/mlflow/v2.0${scope}`;
  const base: Hosted = {
    kind: 'hosted',
    name: 'Azure ML',
    uri: endpoint,
    endpoint,
    quotas: AZURE_ML_QUOTAS,
    notes: [
      `Azure ML holds ${AZURE_ML_QUOTAS.namesPerRun + 1} names of metrics in a run. mirrorboard sends the first ` +
        `${AZURE_ML_QUOTAS.namesPerRun}, and reports the points of all others as unsupported.`,
    ],
    pageOf: () => undefined,
  };
  if (given.token !== undefined || given.password !== undefined) return base;
  const login = azureLogin(host.toLowerCase(), env);
  if ('kind' in login) return login;
  return { ...base, credentials: login.source, authorizer: ({ tls, clock }) => new OAuthToken({ ...login, tls, clock }) };
}

/** The sign-in of a service principal. */
interface AzureLogin {
  readonly request: () => TokenRequest;
  /** The variable with the credentials. */
  readonly source: string;
  readonly hint: string;
}

/** Returns how a service principal signs in for a workspace on this host, by the variables of Azure's own tools. */
export function azureLogin(host: string, env: Environment): AzureLogin | WrongAddress {
  const cloud = /^[a-z0-9.-]+$/.test(host) ? CLOUDS.find(([end]) => host.endsWith(end)) : undefined;
  if (cloud === undefined) {
    const expected = `a host of Azure ML: ${CLOUDS.map(([end]) => `REGION${end}`).join(', ')}`;
    const hint = 'mirrorboard signs in for no other host. Set token_file if this one leads to a workspace.';
    return { kind: 'wrong', found: `the host ${JSON.stringify(host)}`, expected, hint };
  }
  const [, authority, resource] = cloud;
  const of = (name: string): string | undefined => env[`AZURE_${name}`] || undefined;
  const [tenant, id, secret, file] = [of('TENANT_ID'), of('CLIENT_ID'), of('CLIENT_SECRET'), of('FEDERATED_TOKEN_FILE')];
  if (tenant === undefined || id === undefined || (secret === undefined && file === undefined)) {
    return {
      kind: 'wrong',
      found: 'no credentials for Azure',
      expected: 'a service principal or a token',
      hint: LOGIN_HINT,
      isLocal: true,
    };
  }
  const url = tokenUrl(of('AUTHORITY_HOST') ?? authority, tenant);
  if (url === undefined) {
    return { kind: 'wrong', found: 'an address that is not valid in AZURE_AUTHORITY_HOST', expected: `an address like ${authority}` };
  }
  const request = (): TokenRequest => {
    const proof: Readonly<Record<string, string>> =
      secret !== undefined
        ? { client_secret: secret }
        : { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertionIn(file ?? '') };
    const form = { client_id: id, ...proof, grant_type: 'client_credentials', scope: `${resource}/.default` };
    return { url, form, secrets: [proof['client_secret'] ?? proof['client_assertion'] ?? ''] };
  };
  const source = secret === undefined ? 'AZURE_FEDERATED_TOKEN_FILE' : 'AZURE_CLIENT_SECRET';
  return { request, source, hint: `Correct AZURE_TENANT_ID, AZURE_CLIENT_ID and ${source}.` };
}

function tokenUrl(authority: string, tenant: string): URL | undefined {
  try {
    return new URL(`/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, authority.includes('://') ? authority : `https://${authority}`);
  } catch {
    return undefined;
  }
}

/** Reads the proof of identity that Kubernetes writes and replaces. */
function assertionIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new MirrorError('MB4002', `reading AZURE_FEDERATED_TOKEN_FILE: ${messageOf(cause)}`, { cause, context: { path } });
  }
}
