import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { azureLogin } from '../../../../src/backends/mlflow/azure-ml.ts';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import { OAuthToken, type TokenRequest } from '../../../../src/backends/mlflow/oauth-token.ts';
import { AwsSignature } from '../../../../src/backends/mlflow/sagemaker.ts';
import type { MlflowSettings } from '../../../../src/backends/mlflow/settings.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { Backend, Outcome } from '../../../../src/contract/index.ts';
import { makeCertificates, noCertificates } from '../../../support/certificates.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { hastyClock } from '../../../support/hasty-clock.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { REPOSITORY } from '../../../support/python-tools.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { apiError, parcelOf, type Row, ScriptedServer, signal, source } from './server.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Section = Readonly<Record<string, unknown>>;

interface SignedServer {
  readonly arn: string;
  readonly endpoint: string;
  readonly own: Readonly<Record<string, string>>;
  readonly sessionToken: string | null;
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
    readonly added: Readonly<Record<string, string>>;
  }[];
}

interface AskedToken {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
}

interface AzurePlace {
  readonly uri: string;
  readonly endpoint: string;
  readonly requests: { readonly secret: AskedToken; readonly assertion: AskedToken };
}

interface DatabricksPlace {
  readonly uri: string;
  readonly env: Env;
  readonly host: string;
  readonly token: string;
}

interface Recorded {
  readonly sagemaker: {
    readonly at: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly servers: readonly [SignedServer, ...SignedServer[]];
  };
  readonly azure: readonly [AzurePlace, ...AzurePlace[]];
  readonly databricks: {
    readonly config: string;
    readonly places: readonly DatabricksPlace[];
    readonly token: Asked;
    readonly header: Readonly<Record<'Authorization', string>>;
    readonly run: string;
  };
}

/** What the services' own libraries do: test/support/mlflow_services.py recorded it. */
const recorded: Recorded = JSON.parse(readFileSync(join(REPOSITORY, 'test/support/mlflow-services.json'), 'utf8'));
const UNUSED = { tls: {}, clock: undefined };
const ARN: string = recorded.sagemaker.servers[0].arn;
const AZURE: string = recorded.azure[0].uri;
const AZURE_ENV: Env = { AZURE_TENANT_ID: 'tenant-1', AZURE_CLIENT_ID: 'id-1', AZURE_CLIENT_SECRET: 's e+cret' };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function settingsOf(section: Section, env: Env = {}): MlflowSettings {
  const parsed = mlflow.parse(section, env);
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  expect(JSON.stringify(parsed.shown)).not.toMatch(/dapi|s e\+cret/);
  return parsed.settings;
}

function problemOf(section: Section, env: Env = {}) {
  const parsed = mlflow.parse(section, env);
  if (parsed.kind !== 'problems') throw new Error('no problems');
  expect(parsed.problems).toHaveLength(1);
  return parsed.problems[0];
}

async function backendOf(settings: MlflowSettings, endpoint: string, clock = hastyClock(), warnings: string[] = []): Promise<Backend> {
  const warn = (message: string): void => void warnings.push(message);
  const backend = await mlflow.create({ ...settings, endpoint }, { lane: 'mlflow', whoseRun, env: {}, warn, clock });
  closers.push(() => backend.close());
  return backend;
}

async function scripted(...script: ConstructorParameters<typeof ScriptedServer>): Promise<ScriptedServer> {
  const server = await new ScriptedServer(...script).start();
  closers.push(() => server.close());
  return server;
}

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly form: Readonly<Record<string, string>>;
}

/** A token endpoint; `answer` makes the status and the body of each answer. `own`: its certificate, if it has one. */
async function tokenServer(
  answer: (count: number) => readonly [status: number, body: unknown],
  own?: { readonly key: string; readonly cert: string },
) {
  const asked: Asked[] = [];
  const listener: RequestListener = async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { authorization } = request.headers;
    asked.push({ path: request.url ?? '', authorization, form: Object.fromEntries(new URLSearchParams(text)) });
    const [status, body] = answer(asked.length);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = own === undefined ? createServer(listener) : createTlsServer(own, listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { asked, url: `${own === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function homeWith(config: string): string {
  const home = temporaryFolder();
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, '.databrickscfg'), config);
  return home;
}

describe('SageMaker', () => {
  test.each(recorded.sagemaker.servers)('is addressed and signed as its own plugin does: $arn', async (server: SignedServer) => {
    const settings = settingsOf({ tracking_uri: server.arn });
    expect(settings).toMatchObject({ uri: server.arn, endpoint: server.endpoint, hosted: { headers: server.own }, auth: undefined });
    const [, , , region = ''] = server.arn.split(':');
    const service = server.arn.includes('mlflow-app') ? 'sagemaker' : 'sagemaker-mlflow';
    const { accessKeyId, secretAccessKey, at } = recorded.sagemaker;
    const { sessionToken } = server;
    const identity = { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
    const clock = { ...systemClock, wallMs: () => Date.parse(at) };
    const signature = new AwsSignature(region, service, clock, async () => identity);
    for (const { method, url, headers, body, added } of server.requests) {
      const bodies =
        body === null
          ? [undefined]
          : [
              body,
              Buffer.from(body),
              {
                read: async function* () {
                  yield Buffer.from(body);
                },
              },
            ];
      for (const one of bodies) {
        const signed = await signature.authorize({ method, url: new URL(url), headers, body: one });
        expect(signed.headers).toEqual(added);
        expect(signed.secrets).toEqual([secretAccessKey, ...(sessionToken === null ? [] : [sessionToken])]);
      }
    }
  });

  test('signs with new keys after the service refused the former ones', async () => {
    const server = await scripted(({ headers }) =>
      headers.authorization?.includes('AKIDSECOND') ? undefined : apiError(403, 'DENIED', 'expired'),
    );
    const before = { ...process.env };
    closers.push(async () => void Object.assign(process.env, { AWS_ACCESS_KEY_ID: before['AWS_ACCESS_KEY_ID'] ?? '' }));
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'AKIDFIRST',
      AWS_SECRET_ACCESS_KEY: 'secret-of-aws',
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const settings = settingsOf({ tracking_uri: ARN }, { SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: server.url });
    expect(settings.endpoint).toBe(server.url);
    const clock = hastyClock();
    const backend = await backendOf(settings, settings.endpoint, clock);
    await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4002' });
    await clock.sleep(40_000);
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDSECOND' });
    const handle = await backend.open(source, undefined, signal);
    expect(server.calls('runs/create')).toHaveLength(1);
    expect(server.calls('runs/create')[0]?.headers).toMatchObject({
      'x-mlflow-sm-tracking-server-arn': ARN,
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=AKIDSECOND\/\d{8}\/eu-west-1\/sagemaker-mlflow\/aws4_request, /),
    });
    expect(backend.link?.(handle)).toBeUndefined();
  });

  test('names its ARN as the target, because all servers of a region have one address', () => {
    expect(mlflow.target(settingsOf({ tracking_uri: ARN, experiment_name: 'E' }))).toBe(`${ARN} E`);
  });

  test.each([
    [{ tracking_uri: 'arn:aws-cn:sagemaker:cn-north-1:1:mlflow-tracking-server/x' }, {}, /arn:aws-cn/],
    [{ tracking_uri: 'arn:aws:s3:::bucket' }, {}, /arn:aws:s3/],
    [{ tracking_uri: ARN, token: 'abcd' }, {}, /a token or password/],
    [{ tracking_uri: ARN }, { SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: 'arn:aws:iam::1:role/r' }, /ASSUME_ROLE/],
  ])('is not accepted: %j', (section, env, found) => {
    expect(problemOf(section, env)).toMatchObject({ path: ['tracking_uri'], found: expect.stringMatching(found) });
  });

  test('says what to do if there are no keys', async () => {
    const missing = Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' });
    const signature = new AwsSignature('eu-west-1', 'sagemaker', systemClock, () => Promise.reject(missing));
    const request = { method: 'GET', url: new URL('https://h/'), headers: {}, body: undefined };
    await expect(signature.authorize(request)).rejects.toMatchObject({ code: 'MB4002', hint: expect.stringContaining('AWS_PROFILE') });
  });
});

describe('Azure ML', () => {
  test.each(recorded.azure)('is addressed as its own plugin does, and asks for a token like it: $uri', (place: AzurePlace) => {
    const { uri, endpoint, requests } = place;
    expect(settingsOf({ tracking_uri: uri }, AZURE_ENV)).toMatchObject({ uri: endpoint, endpoint });
    expect(settingsOf({ tracking_uri: `${uri.replace('azureml:', 'https:')}/?x=1` }, AZURE_ENV)).toMatchObject({
      uri: endpoint,
      endpoint,
    });
    const file = join(temporaryFolder(), 'proof');
    writeFileSync(file, 'proof-1\n');
    const forms = [
      [AZURE_ENV, requests.secret],
      [{ ...AZURE_ENV, AZURE_CLIENT_SECRET: '', AZURE_FEDERATED_TOKEN_FILE: file }, requests.assertion],
    ] as const;
    for (const [env, wanted] of forms) {
      const login = azureLogin(new URL(endpoint).host, env);
      if ('kind' in login) throw new Error(JSON.stringify(login));
      const { url, form } = login.request();
      expect({ url: url.href, form }).toEqual(wanted);
    }
  });

  test('authorizes requests with the token that it got', async () => {
    const tokens = await tokenServer(() => [200, { access_token: 'T-1', expires_in: 3600 }]);
    const server = await scripted();
    const settings = settingsOf({ tracking_uri: AZURE }, { ...AZURE_ENV, AZURE_AUTHORITY_HOST: tokens.url });
    const backend = await backendOf(settings, server.url);
    const { notes } = await backend.probe(signal);
    expect(notes).toEqual(
      expect.arrayContaining(['Azure ML accepts the credentials: AZURE_CLIENT_SECRET.', expect.stringContaining('50 names of metrics')]),
    );
    expect(tokens.asked).toEqual([
      { path: '/tenant-1/oauth2/v2.0/token', authorization: undefined, form: recorded.azure[0].requests.secret.form },
    ]);
    expect(new Set(server.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer T-1']));
  });

  test('takes a token of the lane instead, at any host', () => {
    for (const uri of [AZURE, AZURE.replace('westeurope.api.azureml.ms', 'proxy.example.com')]) {
      const settings = settingsOf({ tracking_uri: uri, token: 'abcd' }, AZURE_ENV);
      expect(settings).toMatchObject({ auth: { token: 'abcd' }, hosted: { name: 'Azure ML' } });
      expect(settings.hosted?.authorizer).toBeUndefined();
    }
  });

  test.each([
    'example.com',
    'westeurope.api.azureml.ms.example.com',
    'evil-api.azureml.ms',
    'westeurope.api.azureml.ms:8443',
    'example.com\\.api.azureml.ms',
    'vm.region.cloudapp.azure.us',
  ])('asks for no token for another host: %s', (host) => {
    for (const uri of [AZURE, AZURE.replace('azureml:', 'https:')]) {
      expect(problemOf({ tracking_uri: uri.replace('westeurope.api.azureml.ms', host) }, AZURE_ENV)).toMatchObject({
        path: ['tracking_uri'],
        found: `the host ${JSON.stringify(host)}`,
        expected: expect.stringContaining('REGION.api.azureml.ms'),
        hint: expect.stringContaining('token_file'),
      });
    }
  });

  test('signs in at a workspace with a private link', () => {
    const uri = AZURE.replace('westeurope.api', '0e8d4a.workspace.westeurope.api');
    expect(settingsOf({ tracking_uri: uri }, AZURE_ENV).hosted).toHaveProperty('authorizer');
  });

  const hasNone = noCertificates();
  (hasNone === undefined ? test : test.skip)('trusts the CA of the lane when it signs in', async () => {
    const own = makeCertificates(temporaryFolder());
    const tokens = await tokenServer(() => [200, { access_token: 'T-1', expires_in: 3600 }], own.server);
    const { hosted, tls } = settingsOf({ tracking_uri: AZURE, ca_bundle: own.ca }, { ...AZURE_ENV, AZURE_AUTHORITY_HOST: tokens.url });
    const authorizer = hosted?.authorizer?.({ tls, clock: undefined });
    const request = { method: 'GET', url: new URL('https://h/'), headers: {}, body: undefined };
    expect(await authorizer?.authorize(request, signal)).toMatchObject({ headers: { authorization: 'Bearer T-1' } });
    await authorizer?.close();
  });

  test.each([
    [{ tracking_uri: AZURE }, {}, 'no credentials for Azure'],
    [{ tracking_uri: AZURE }, { ...AZURE_ENV, AZURE_AUTHORITY_HOST: 'http://[' }, 'AZURE_AUTHORITY_HOST'],
    [{ tracking_uri: 'azureml://h/mlflow/v1.0/workspaces/x' }, AZURE_ENV, 'azureml://h'],
  ])('is not accepted: %j, %j', (section, env, found) => {
    expect(problemOf(section, env)).toMatchObject({ path: ['tracking_uri'], found: expect.stringContaining(found) });
  });

  test('gets no name of a metric beyond its limit, now and after a restart; others arrive, and all are counted', async () => {
    const stub = await MlflowStub.start({ hasAzureQuotas: true, artifactsAt: 'azureml://elsewhere' });
    closers.push(() => stub.close());
    const settings = settingsOf({ tracking_uri: AZURE, token: 'abcd', experiment_name: 'curves' });
    const rows: Row[] = Array.from({ length: 1200 }, (_, i) => [`m/${i % 60}`, i, 1.7e9 + i, i / 7]);
    const pointsIn = (outcomes: readonly Outcome[]) =>
      outcomes.map((outcome) => (outcome.kind === 'accepted' ? [outcome.points, outcome.refusals.length] : outcome));
    const warnings: string[] = [];
    const first = await backendOf(settings, stub.url, hastyClock(), warnings);
    const handle = await first.open(source, undefined, signal);
    const [outcome] = await first.send([parcelOf(handle, rows)], signal);
    expect(pointsIn([outcome as Outcome])).toEqual([[980, 220]]);
    expect(outcome).toMatchObject({
      refusals: expect.arrayContaining([{ offset: 490, index: 0, kind: 'unsupported', reason: expect.stringContaining('49') }]),
    });
    expect(warnings.filter((message) => message.includes('more names of metrics'))).toHaveLength(1);
    await first.close();
    const second = await backendOf(settings, stub.url);
    const again = await second.open(source, handle, signal);
    const later: Row[] = [
      ['m/59', 2000, 1, 1],
      ['m/0', 2000, 1.8e9, 1],
    ];
    expect(pointsIn(await second.send([parcelOf(again, later, 12_000)], signal))).toEqual([[1, 1]]);
    // The last free name is for the point that shows if the service takes any.
    await second.tryOut?.(again, 'points', signal);
    let held = 0;
    for await (const { points } of second.readBack(again)) held += points.length;
    expect(held).toBe(981);
    expect(stub.violations).toEqual([]);
  });
});

describe('Databricks', () => {
  test.each(recorded.databricks.places)('is found as the official client does: $uri $env', (place: DatabricksPlace) => {
    const { uri, env, host, token } = place;
    const settings = settingsOf({ tracking_uri: uri }, { ...env, HOME: homeWith(recorded.databricks.config) });
    const { origin } = new URL(host.includes('://') ? host : `https://${host}`);
    expect(settings).toMatchObject({ uri: origin, endpoint: origin, auth: { token } });
  });

  test('asks for a token like its own library, and links to a page as the official client does', async () => {
    const { token: wanted, header, run } = recorded.databricks;
    const tokens = await tokenServer(() => [200, { access_token: 'T', expires_in: 3600 }]);
    const { hosted } = settingsOf(
      { tracking_uri: 'databricks' },
      { DATABRICKS_HOST: tokens.url, DATABRICKS_CLIENT_ID: 'id-1', DATABRICKS_CLIENT_SECRET: 's e+cret', DATABRICKS_WORKSPACE_ID: '7' },
    );
    expect(hosted?.headers).toEqual({ 'x-databricks-org-id': '7' });
    const authorizer = hosted?.authorizer?.(UNUSED);
    const request = { method: 'GET', url: new URL('https://h/'), headers: {}, body: undefined };
    expect((await authorizer?.authorize(request, signal))?.headers).toEqual({ authorization: header.Authorization });
    expect(tokens.asked).toEqual([wanted]);
    await authorizer?.close();
    const known = settingsOf({ tracking_uri: 'https://env.cloud.databricks.com/?o=7', token: 'abcd' });
    expect(known.hosted?.pageOf?.('12', 'r1')?.replace('/#', '#')).toBe(run);
  });

  test('gets credentials of the section, and those of the variables of MLflow only at the address of a workspace', () => {
    const HOME = homeWith(recorded.databricks.config);
    const env = { HOME, MLFLOW_TRACKING_TOKEN: 't-1', MLFLOW_TRACKING_USERNAME: 'u-1', MLFLOW_TRACKING_PASSWORD: 'p-1' };
    const authOf = (section: Section) => settingsOf(section, env).auth;
    for (const uri of ['databricks', ' databricks ', 'databricks://Team-A']) {
      expect(authOf({ tracking_uri: uri })).toEqual({ token: uri.includes('Team') ? 'dapi=team' : 'dapi-default' });
      expect(authOf({ tracking_uri: uri, token: 't-2' })).toEqual({ token: 't-2' });
    }
    expect(settingsOf({}, { ...env, MLFLOW_TRACKING_URI: 'databricks' }).auth).toEqual({ token: 'dapi-default' });
    expect(authOf({ tracking_uri: 'https://env.cloud.databricks.com' })).toEqual({ username: 'u-1', password: 'p-1' });
  });

  test('takes up a token that was replaced in the file', async () => {
    const server = await scripted(({ headers }) =>
      headers.authorization === 'Bearer dapi-2' ? undefined : apiError(403, 'DENIED', 'Invalid token'),
    );
    const config = (token: string): string => `[DEFAULT]\nhost = ${server.url}\ntoken = ${token}\n`;
    const home = homeWith(config('dapi-1'));
    const settings = settingsOf({ tracking_uri: 'databricks', experiment_name: '/Shared/e' }, { HOME: home });
    const backend = await backendOf(settings, settings.endpoint);
    const refused = await backend.probe(signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'MB4002' });
    expect(JSON.stringify(refused)).not.toContain('dapi');
    writeFileSync(join(home, '.databrickscfg'), config('dapi-2'));
    const handle = await backend.open(source, undefined, signal);
    expect(backend.link?.(handle)).toBe(`${server.url}/#mlflow/experiments/1/runs/r1`);
  });

  test('sends the credentials of another workspace to nobody, and says what to do', async () => {
    const server = await scripted(() => apiError(401, 'DENIED', 'Invalid token'));
    const config = (host: string, secret: string): string => `[DEFAULT]\nhost = ${host}\n${secret}\n`;
    const home = homeWith(config(server.url, 'token = dapi-1'));
    const settings = settingsOf({ tracking_uri: 'databricks' }, { HOME: home });
    const backend = await backendOf(settings, settings.endpoint);
    writeFileSync(join(home, '.databrickscfg'), config('https://other.cloud.databricks.com', 'token = dapi-2'));
    const refused = { code: 'MB4002', hint: expect.stringContaining('Restart mirrorboard') };
    await expect(backend.probe(signal)).rejects.toMatchObject(refused);
    await expect(backend.probe(signal)).rejects.toMatchObject(refused);
    expect(new Set(server.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer dapi-1']));

    const tokens = await tokenServer(() => [200, { access_token: 'T', expires_in: 3600 }]);
    writeFileSync(join(home, '.databrickscfg'), config(tokens.url, 'client_id = a\nclient_secret = s e+cret'));
    const authorizer = settingsOf({ tracking_uri: 'databricks' }, { HOME: home }).hosted?.authorizer?.(UNUSED);
    writeFileSync(join(home, '.databrickscfg'), config('https://other.cloud.databricks.com', 'client_id = b\nclient_secret = s e+cret'));
    const request = { method: 'GET', url: new URL('https://h/'), headers: {}, body: undefined };
    await expect(authorizer?.authorize(request, signal)).rejects.toMatchObject(refused);
    expect(tokens.asked).toEqual([]);
    await authorizer?.close();
  });

  test('stays with its profile when another one becomes the default', () => {
    const profile = (name: string): string => `[${name}]\nhost = https://${name}.cloud.databricks.com\ntoken = dapi-${name}\n`;
    const config = (name: string): string => `[__settings__]\ndefault_profile = ${name}\n${profile('a')}${profile('b')}`;
    const home = homeWith(config('a'));
    const { endpoint, auth, renewAuth } = settingsOf({ tracking_uri: 'databricks' }, { HOME: home });
    expect({ endpoint, auth }).toEqual({ endpoint: 'https://a.cloud.databricks.com', auth: { token: 'dapi-a' } });
    writeFileSync(join(home, '.databrickscfg'), config('b'));
    expect(renewAuth?.()).toEqual({ token: 'dapi-a' });
  });

  test('needs the path of an experiment before anything is sent', async () => {
    const env = { DATABRICKS_HOST: 'https://h', DATABRICKS_TOKEN: 'dapi' };
    const problem = problemOf({ tracking_uri: 'databricks', experiment_name: 'curves' }, env);
    expect(problem).toMatchObject({ path: ['experiment_name'], found: '"curves"', hint: expect.stringContaining('/Users/') });
    // A name that differs from run to run is known only when a run is opened.
    const server = await scripted();
    const backend = await backendOf(settingsOf({ tracking_uri: 'databricks' }, env), server.url);
    await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({
      code: 'MB4004',
      hint: expect.stringContaining('/Users/'),
    });
    expect(server.calls('experiments/get-by-name')).toEqual([]);
    expect(server.calls('experiments/create')).toEqual([]);
  });

  test('says which folder to make', async () => {
    const server = await scripted(({ path }) =>
      path.startsWith('experiments/') && path !== 'experiments/search'
        ? apiError(404, 'RESOURCE_DOES_NOT_EXIST', 'no such folder')
        : undefined,
    );
    const env = { DATABRICKS_HOST: server.url, DATABRICKS_TOKEN: 'dapi' };
    const settings = settingsOf({ tracking_uri: 'databricks', experiment_name: '/Users/a/b' }, env);
    const backend = await backendOf(settings, settings.endpoint);
    await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({
      code: 'MB4004',
      hint: expect.stringContaining('Make its folder'),
    });
  });

  test.each([
    ['databricks', {}, 'a readable file'],
    ['databricks://none', { HOME: 'config' }, 'the address of a workspace'],
    ['databricks://scope:prefix', {}, 'databricks://PROFILE'],
    ['databricks', { DATABRICKS_HOST: 'https://h' }, 'credentials that mirrorboard supports'],
  ])('is not accepted: %s %j', (uri, env: Env, expected) => {
    const home = env['HOME'] === undefined ? temporaryFolder() : homeWith(recorded.databricks.config);
    const problem = problemOf({ tracking_uri: uri }, { ...env, HOME: home });
    expect(problem).toMatchObject({ path: ['tracking_uri'], expected: expect.stringContaining(expected) });
    expect(JSON.stringify(problem)).not.toContain('dapi');
  });
});

describe('DagsHub', () => {
  const uri = 'https://dagshub.com/team/curves.mlflow';

  test.each([
    [{ token: 'abcd' }, {}, { username: 'team', password: 'abcd' }],
    [{ token: 'abcd', username: 'me' }, {}, { username: 'me', password: 'abcd' }],
    [{}, { DAGSHUB_USER_TOKEN: 'abcd' }, { username: 'team', password: 'abcd' }],
    [{ username: 'me', password: 'pass' }, { DAGSHUB_USER_TOKEN: 'abcd' }, { username: 'me', password: 'pass' }],
  ])('takes a token as a password: %j %j', (section, env, auth) => {
    expect(settingsOf({ tracking_uri: uri, ...section }, env)).toMatchObject({ uri, endpoint: uri, auth });
  });
});

describe('a token that ends', () => {
  const request = (url: string): TokenRequest => ({
    url: new URL('/token', url),
    form: { client_secret: 's e+cret' },
    secrets: ['s e+cret'],
  });
  const tokenOf = async (token: OAuthToken): Promise<string | undefined> => (await token.authorize()).headers['authorization'];

  function tokenAt(url: string, clock: FakeClock): OAuthToken {
    const token = new OAuthToken({ request: () => request(url), hint: 'Correct it.', clock });
    closers.push(() => token.close());
    return token;
  }

  test('is asked for once by all, and replaced before it ends', async () => {
    const tokens = await tokenServer((count) => [200, { access_token: `T-${count}`, expires_in: 3600 }]);
    const clock = new FakeClock();
    const token = tokenAt(tokens.url, clock);
    expect(await Promise.all([tokenOf(token), tokenOf(token), tokenOf(token)])).toEqual(['Bearer T-1', 'Bearer T-1', 'Bearer T-1']);
    await clock.pass(3_200_000);
    expect(await tokenOf(token)).toBe('Bearer T-1');
    await clock.pass(200_000);
    expect(await tokenOf(token)).toBe('Bearer T-2');
    expect(tokens.asked).toHaveLength(2);
  });

  test('is used to its end while the endpoint is down, which is not asked at every request', async () => {
    const tokens = await tokenServer((count) => (count === 1 ? [200, { access_token: 'T-1', expires_in: 3600 }] : [503, {}]));
    const clock = new FakeClock();
    const token = tokenAt(tokens.url, clock);
    await tokenOf(token);
    await clock.pass(3_400_000);
    expect([await tokenOf(token), await tokenOf(token)]).toEqual(['Bearer T-1', 'Bearer T-1']);
    expect(tokens.asked).toHaveLength(2);
    await clock.pass(300_000);
    await expect(tokenOf(token)).rejects.toMatchObject({ code: 'MB4001', retry: 'later' });
  });

  test('is asked for again after a refusal, but not if it is new', async () => {
    const tokens = await tokenServer((count) => [200, { access_token: `T-${count}`, expires_in: '3600' }]);
    const clock = new FakeClock();
    const token = tokenAt(tokens.url, clock);
    await tokenOf(token);
    expect(await token.renew()).toBe(false);
    await clock.pass(40_000);
    expect(await token.renew()).toBe(true);
    expect(await tokenOf(token)).toBe('Bearer T-2');
  });

  test.each([
    [401, { error: 'invalid_client', error_description: 'the secret s e+cret is wrong' }, 'MB4002', 'Correct it.'],
    [200, { error: 'none' }, 'MB4003', undefined],
    [200, { access_token: 'a\nb' }, 'MB4003', undefined],
  ])('is refused with %s %j', async (status, body, code, hint) => {
    const tokens = await tokenServer(() => [status, body]);
    const error = await tokenOf(tokenAt(tokens.url, new FakeClock())).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, ...(hint === undefined ? {} : { hint }) });
    expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain('s e+cret');
  });
});
