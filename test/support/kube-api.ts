// A real API server of Kubernetes without nodes, which judges resources without storing them.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { cleanEnv, freePort, REPOSITORY, startServer } from './python-tools.ts';
import { temporaryFolder } from './temporary-folder.ts';

const TOKEN = 'token-of-the-tests';
const READY_MS = 60_000;

/** A resource, as far as its place follows from it. */
export interface Sendable {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec?: object;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface KubeApi {
  /** Sends a resource to a namespace, and stores it only if that is asked for. */
  send(resource: Sendable, namespace: string, stores?: boolean): Promise<Answer>;
  stop(): Promise<void>;
}

/** The program; throws where nobody built it. */
export function kubeApiProgram(): string {
  return execFileSync('sh', [join(REPOSITORY, 'scripts/kube-api.sh')], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

export async function startKubeApi(program: string): Promise<KubeApi> {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('key.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(at('tokens.csv'), `${TOKEN},admin,1,"system:masters"\n`);
  const [port, client, peer] = [await freePort(), await freePort(), await freePort()];
  const server = await startServer({
    program,
    args: [
      `--etcd-servers=http://127.0.0.1:${client}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${at('certificates')}`,
      `--token-auth-file=${at('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('key.pem')}`,
      `--service-account-signing-key-file=${at('key.pem')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      // Nothing makes the accounts that pods name.
      '--disable-admission-plugins=ServiceAccount',
    ],
    env: cleanEnv({ ETCD_DIR: at('etcd'), ETCD_CLIENT: `127.0.0.1:${client}`, ETCD_PEER: `127.0.0.1:${peer}` }),
    cwd: folder,
    healthUrl: `http://127.0.0.1:${client}/health`,
  });
  const ask = (method: string, path: string, body?: object): Promise<Answer> => askServer(port, { method, path, body });
  const end = Date.now() + READY_MS;
  while (!(await isReady(port))) {
    if (Date.now() > end) throw new Error('the API server was not ready in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const plurals = new Map<string, Promise<ReadonlyMap<string, KindOfResource>>>();
  const kindsOf = (apiVersion: string): Promise<ReadonlyMap<string, KindOfResource>> => {
    const known = plurals.get(apiVersion) ?? ask('GET', groupPath(apiVersion)).then(kindsIn);
    plurals.set(apiVersion, known);
    return known;
  };
  return {
    send: async (resource, namespace, stores = false) => {
      const kind = (await kindsOf(resource.apiVersion)).get(resource.kind);
      if (kind === undefined) throw new Error(`the API server has no ${resource.kind} of ${resource.apiVersion}`);
      const place = kind.isNamespaced ? `/namespaces/${namespace}/${kind.plural}` : `/${kind.plural}`;
      const query = stores ? '' : '&dryRun=All';
      return await ask('POST', `${groupPath(resource.apiVersion)}${place}?fieldValidation=Strict${query}`, resource);
    },
    stop: () => server.kill(),
  };
}

interface KindOfResource {
  readonly plural: string;
  readonly isNamespaced: boolean;
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function kindsIn({ body }: Answer): ReadonlyMap<string, KindOfResource> {
  const { resources = [] } = body as { resources?: { name: string; kind: string; namespaced: boolean }[] };
  // Others are parts, such as `deployments/scale`.
  const whole = resources.filter(({ name }) => !name.includes('/'));
  return new Map(whole.map(({ name, kind, namespaced }) => [kind, { plural: name, isNamespaced: namespaced }]));
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await askServer(port, { method: 'GET', path: '/readyz' })).status === 200;
  } catch {
    return false;
  }
}

function askServer(port: number, { method, path, body }: { method: string; path: string; body?: object | undefined }): Promise<Answer> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    // It signed its certificate itself, a moment ago.
    const asked = request({ host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false }, (answer) => {
      textOf(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : {} }),
        reject,
      );
    });
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += piece;
  return text;
}
