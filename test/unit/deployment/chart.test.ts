import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../src/config/index.ts';
import { backendType } from '../../../src/lanes/backend-types.ts';
import { COMMON_SETTINGS } from '../../../src/lanes/resolve-lanes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { manifestFiles, type Resource, readText, repository, resourcesIn, type Workload, workloadsIn } from './files.ts';
import { CHART, examples, helm, type Ran, render, run, withHelm } from './helm.ts';

const TRACKERS = ['aim', 'clearml', 'mlflow', 'parquet', 'trackio', 'wandb'];

type Json = Readonly<Record<string, unknown>>;

const values: Json = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
const schema: Json = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
const scratch = temporaryFolder();
function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All objects in a schema that say what properties there are. */
function shapesIn(part: unknown, path = ''): (readonly [string, Json])[] {
  if (!isObject(part)) return Array.isArray(part) ? part.flatMap((one, i) => shapesIn(one, `${path}/${i}`)) : [];
  const own = isObject(part['properties']) ? [[path, part] as const] : [];
  return [...own, ...Object.entries(part).flatMap(([key, one]) => shapesIn(one, `${path}/${key}`))];
}

/** The paths of values that differ from the properties of a schema, either way. */
function differences(value: Json, shape: Json, path = ''): string[] {
  const properties = shape['properties'] as Json;
  const missing = Object.keys(properties).filter((key) => !(key in value));
  return [
    ...missing.map((key) => `${path}${key} has no default`),
    ...Object.entries(value).flatMap(([key, one]) => {
      const below = properties[key];
      if (!isObject(below)) return [`${path}${key} is not in the schema`];
      return isObject(below['properties']) && isObject(one) && key !== 'lanes' ? differences(one, below, `${path}${key}.`) : [];
    }),
  ];
}

/** What the chart makes of an example and of further options. */
async function made(example: string, ...options: readonly string[]): Promise<Resource[]> {
  const { code, stdout, stderr } = await render(example, ...options);
  expect([code, stderr.replace(/^.*INFO.*$/gm, '').trim()]).toEqual([0, '']);
  return resourcesIn(stdout);
}

async function madePod(example: string, ...options: readonly string[]): Promise<Workload> {
  const resources = await made(example, ...options);
  const [workload] = workloadsIn(example, resources);
  return workload as Workload;
}

/** Those of a kind. */
function those(resources: readonly Resource[], kind: string): Resource[] {
  return resources.filter((resource) => resource.kind === kind);
}

describe('the chart', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));

  test('has the version of the program that it is released with', () => {
    const { version, license } = JSON.parse(readText('package.json'));
    expect([chart.version, chart.appVersion, chart.annotations['artifacthub.io/license']]).toEqual([version, version, license]);
  });

  test.each([...examples, 'values.yaml'])('has a schema that accepts %s', (name) => {
    const path = name === 'values.yaml' ? name : `examples/${name}`;
    // zod does not support oneOf with required properties. helm does.
    const known = JSON.parse(JSON.stringify(schema), (key, value) => (key === 'oneOf' ? undefined : value));
    const { error } = z.fromJSONSchema(known).safeParse(parse(readFileSync(join(CHART, path), 'utf8')));
    expect(error?.issues).toBeUndefined();
  });

  test('has a schema without open parts of our own', () => {
    const open = shapesIn(schema).filter(([, shape]) => shape['additionalProperties'] !== false);
    // Lanes and log directories have names of their own; a volume of a driver is Kubernetes'.
    expect(open.map(([path]) => path)).toEqual(['/properties/lanes', '/definitions/logs/properties/csi']);
  });

  test('has a default for each value of its schema, and no other', () => {
    const ofHelm = ['global has no default'];
    const perhaps = ['resources.claims has no default'];
    expect(differences(values, schema)).toEqual([...ofHelm, ...perhaps]);
  });

  test('accepts the settings of a configuration file, except for those that it sets itself', async () => {
    const wrong = loadConfig({ flags: {}, env: {}, cwd: '/', readFile: () => 'wrong: 1' });
    const message = await wrong.then(String, (error: Error) => error.message);
    const known = /expected one of ([\w, ]+)/.exec(message)?.[1]?.split(', ') ?? [];
    expect(known).toContain('roots');
    const config = (schema['definitions'] as { config: { properties: Json } }).config.properties;
    expect(Object.keys(config).sort()).toEqual(known.filter((key) => !['roots', 'lanes', 'shutdown_grace', 'reload'].includes(key)).sort());
  });

  test('has the settings of every built-in type', async () => {
    const known = parse(readFileSync(join(CHART, 'settings.yaml'), 'utf8'));
    const namesOf = async (type: string): Promise<readonly string[]> => {
      const { fields = {} } = await backendType(type, { cwd: '/', configFile: undefined });
      return Object.entries(fields).flatMap(([key, { aliases = [] }]) => [key, ...aliases]);
    };
    const types = await Promise.all(TRACKERS.map(async (type) => [type, await namesOf(type)] as const));
    expect(known).toEqual({ common: COMMON_SETTINGS, types: Object.fromEntries(types) });
  });

  test('has an example for each tracker, with its Secret', () => {
    for (const type of TRACKERS) {
      const { lanes } = parse(readFileSync(join(CHART, `examples/${type}.yaml`), 'utf8'));
      expect(lanes[type].existingSecret).toBe(`mirrorboard-${type}`);
    }
  });
});

describe('docs/deployment.md', () => {
  const page = readText('docs/deployment.md');

  test('has the table of all values in values.yaml, as `npm run manifests` makes it', async () => {
    const { stdout } = await run(process.execPath, [join(repository, 'scripts/values-table.mjs')]);
    expect(/<!-- values -->\n([\s\S]*?)\n<!-- \/values -->/.exec(page)?.[1]).toBe(stdout.trim());
  });

  test('explains each value', () => {
    const documented = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, path = '']) => path);
    const undocumented = leaves(values).filter((path) => !documented.some((above) => path === above || path.startsWith(`${above}.`)));
    expect(undocumented).toEqual([]);
  });

  test('names every example', () => {
    for (const example of examples) expect(page).toContain(`examples/${example}`);
  });
});

/** The paths of all values that are no mappings. */
function leaves(value: Json, path = ''): string[] {
  return Object.entries(value).flatMap(([key, one]) =>
    isObject(one) && Object.keys(one).length > 0 ? leaves(one, `${path}${key}.`) : [`${path}${key}`],
  );
}

describe('invalid values', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['mode=twice', /'\/mode': value must be one of 'single', 'shards', 'backfill'/],
    ['shards.count=0', /'\/shards\/count': minimum: got 0, want 1/],
    ['shards.number=3', /'\/shards': additional properties 'number' not allowed/],
    ['lane.mlflow.type=mlflow', /additional properties 'lane' not allowed/],
    ['lanes.mlflow.tracking_uri=x', /'\/lanes\/mlflow': additional properties 'tracking_uri' not allowed/],
    ['lanes.local.settings.file=x', /'\/lanes\/local\/settings': additional properties 'file' not allowed/],
    ['config.roots[0]=/logs', /'\/config': additional properties 'roots' not allowed/],
    ['logs.more.claim=x', /'\/logs\/more': additional properties 'claim' not allowed/],
    ['logs.logs.hostPath=/scratch', /'\/logs\/logs': 'oneOf' failed/],
    ['logs.more.nfs.server=x', /'\/logs\/more\/nfs': missing property 'path'/],
    ['image.digest=sha256:1234', /'\/image\/digest': 'sha256:1234' does not match pattern/],
    ['persistence.accessModes[0]=ReadWriteMany', /'\/persistence\/accessModes\/0': value must be one of/],
    ['terminationGracePeriodSeconds=5', /'\/terminationGracePeriodSeconds': minimum: got 5, want 20/],
    ['reload=maybe', /'\/reload': value must be one of 'restart', 'live'/],
    ['extraEnv.A-B=1', /invalid propertyName 'A-B'/],
    ['config.run_ended_after=banana', /'\/config\/run_ended_after': 'banana' does not match pattern/],
    ['config.scan_interval=-5', /'\/config\/scan_interval': exclusiveMinimum: got -5, want 0/],
    ['backfill.schedule=notcron', /'\/backfill\/schedule': 'notcron' does not match pattern/],
    // What no schema says.
    ['logs=null', /logs is empty: add a log directory, such as --set logs\.vision\.existingClaim=tensorboard-logs/],
    ['lanes.local.enabled=false', /lanes has no enabled lane/],
    ['lanes.foo.settings.x=1', /lanes\.foo has no type: set lanes\.foo\.type to mlflow, wandb, clearml, aim, trackio or parquet/],
    ['lanes.mlflow.settings.nope=1', /lanes\.mlflow\.settings\.nope is not a setting of mlflow, expected one of tracking_uri, /],
    ['lanes.foo.type=wandb,lanes.foo.settings.tracking_uri=x', /lanes\.foo\.settings\.tracking_uri is not a setting of wandb/],
    ['lanes.wandb.secretFiles.token_file=token', /lanes\.wandb\.secretFiles\.token_file is not a setting of wandb/],
    ['lanes.wandb.settings.API_KEY=x', /lanes\.wandb\.settings\.API_KEY is not a setting of wandb/],
    ['lanes.wandb.secretVariables.apiKey=x', /invalid propertyName 'apiKey'/],
    ['lanes.wandb.secretVariables.token=token', /lanes\.wandb\.secretVariables\.token is not a setting of wandb/],
    [
      'lanes.mlflow.secretFiles.token_file=token',
      /lanes\.mlflow needs a Secret for secretFiles and secretVariables: set lanes\.mlflow\.existingSecret/,
    ],
    ['mode=shards,persistence.existingClaim=x', /persistence\.existingClaim is one claim, but each shard needs its own/],
    ['ingress.enabled=true,service.enabled=false', /ingress\.enabled requires service\.enabled/],
    ['ingress.enabled=true', /ingress\.enabled requires a host name: set ingress\.hosts/],
    ['serviceMonitor.enabled=true,mode=backfill', /serviceMonitor\.enabled requires service\.enabled, and mode single or shards/],
  ];
  for (const [set, message] of wrong) {
    withHelm(`are refused with the reason: ${set}`, async () => {
      expect(await render('local.yaml', '--set', set)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    });
  }
});

describe('valid values', () => {
  const valid: readonly (readonly [string, unknown])[] = [
    ...['90s', '1h30m', '1.5h', '5min', '30', 30, `\${ENDED_AFTER:-5m}`].map((time) => ['config.run_ended_after', time] as const),
    ...['', '0 3 * * 1-5', '*/15  0-6,22 1 JAN ?', '@daily', '@every 1h30m'].map((time) => ['backfill.schedule', time] as const),
    ['lanes.foo', { type: 'mlflow', settings: { tracking_uri: 'http://mlflow:5000' } }],
    ['lanes.foo', { settings: { type: 'mlflow', tracking_uri: 'http://mlflow:5000', tags: { team: 'vision' }, run_name: '{name}' } }],
    ['lanes.foo', { type: 'mirrorboard-backend-jsonl', settings: { folder: '/tmp' } }],
    ['lanes.foo', { enabled: false }],
  ];
  for (const [path, value] of valid) {
    const set = `${path}=${JSON.stringify(value)}`;
    withHelm(`are accepted: ${set}`, async () => {
      expect(await render('local.yaml', '--set-json', set)).toMatchObject({ code: 0 });
    });
  }
});

describe('config/kubernetes', () => {
  withHelm('is the output of `npm run manifests` for the chart', async () => {
    const { code, stderr } = await run('sh', [join(repository, 'scripts/manifests.sh'), scratch]);
    expect([code, stderr]).toEqual([0, '']);
    for (const file of manifestFiles) expect(readFileSync(join(scratch, file), 'utf8')).toBe(readText(`config/kubernetes/${file}`));
  });
});

describe('the chart creates', () => {
  withHelm('pods that restart when the configuration changed, unless it is reloaded live', async () => {
    const templates = async (...options: readonly string[]): Promise<unknown> => (await madePod('local.yaml', ...options)).spec.template;
    const reloadOf = async (...options: readonly string[]): Promise<unknown> =>
      parse(those(await made('local.yaml', ...options), 'ConfigMap')[0]?.data?.['mirrorboard.yaml'] ?? '').reload;
    const other = ['--set', 'config.project=other'];
    expect(await templates(...other)).not.toEqual(await templates());
    expect(await reloadOf()).toBe('signal');
    const live = ['--set', 'reload=live'];
    expect(await reloadOf(...live)).toBeUndefined();
    expect(await templates(...live, ...other)).toEqual(await templates(...live));
  });

  withHelm('no pod while it is paused', async () => {
    expect((await madePod('local.yaml', '--set', 'paused=true')).spec.replicas).toBe(0);
    expect((await madePod('shards.yaml', '--set', 'paused=true')).spec.replicas).toBe(0);
    expect((await madePod('backfill.yaml', '--set', 'paused=true')).resource.spec?.suspend).toBe(true);
    expect((await madePod('nightly.yaml', '--set', 'paused=true')).resource.spec?.suspend).toBe(true);
  });

  withHelm('a Secret of values, or uses an existing one', async () => {
    const given = ['--set', 'lanes.wandb.existingSecret=,lanes.wandb.secret.api-key=s3cr3t'];
    const secrets = those(await made('wandb.yaml', ...given), 'Secret');
    expect(secrets.map(({ metadata, stringData }) => [metadata.name, stringData])).toEqual([
      ['mirrorboard-wandb', { 'api-key': 's3cr3t' }],
    ]);
    expect(those(await made('wandb.yaml'), 'Secret')).toEqual([]);
    const text = (await render('wandb.yaml', ...given)).stdout;
    expect(text.split('s3cr3t')).toHaveLength(2);
  });

  withHelm('settings from Secrets: files that are read again, or variables', async () => {
    const { container, pod, resources } = await madePod('clearml.yaml');
    expect(container.env).toContainEqual({
      name: 'MIRRORBOARD_CLEARML_ACCESS_KEY',
      valueFrom: { secretKeyRef: { name: 'mirrorboard-clearml', key: 'access-key' } },
    });
    expect(pod.volumes).toContainEqual({ name: 'secret-clearml', secret: { secretName: 'mirrorboard-clearml' } });
    const config = those(resources, 'ConfigMap')[0]?.data?.['mirrorboard.yaml'];
    expect(parse(config ?? '').lanes.clearml.secret_key_file).toBe('/run/secrets/mirrorboard/clearml/secret-key');
  });

  withHelm('variables from Secrets that settings refer to', async () => {
    const { container, resources } = await madePod('aim.yaml');
    const { AIM_AUTHORIZATION, ...others } = Object.fromEntries(container.env?.map(({ name, valueFrom }) => [name, valueFrom]) ?? []);
    expect(AIM_AUTHORIZATION).toEqual({ secretKeyRef: { name: 'mirrorboard-aim', key: 'authorization' } });
    expect(Object.keys(others).filter((name) => name.includes('AIM'))).toEqual([]);
    const config = parse(those(resources, 'ConfigMap')[0]?.data?.['mirrorboard.yaml'] ?? '');
    expect(config.lanes.aim.headers).toEqual({ Authorization: `\${AIM_AUTHORIZATION}` });
    const given = ['--set', 'lanes.aim.existingSecret=,lanes.aim.secret.authorization=Bearer s3cr3t'];
    expect(those(await made('aim.yaml', ...given), 'Secret')).toMatchObject([{ stringData: { authorization: 'Bearer s3cr3t' } }]);
  });

  withHelm('a Job of another name if its values changed, and of the same one otherwise', async () => {
    const name = async (...options: readonly string[]): Promise<string | undefined> =>
      (await madePod('backfill.yaml', ...options)).resource.metadata.name;
    expect(await name()).toMatch(/^mirrorboard-[0-9a-f]{8}$/);
    expect(await name()).toBe(await name());
    expect(await name('--set', 'config.project=other')).not.toBe(await name());
  });

  withHelm('no claim if persistence is off', async () => {
    const workload = await madePod('local.yaml', '--set', 'persistence.enabled=false');
    expect(those(workload.resources, 'PersistentVolumeClaim')).toEqual([]);
    expect(workload.pod.volumes).toContainEqual({ name: 'data', emptyDir: {} });
    const shard = await madePod('shards.yaml', '--set', 'persistence.enabled=false');
    expect([shard.spec.volumeClaimTemplates, shard.pod.volumes[0]]).toEqual([undefined, { name: 'data', emptyDir: {} }]);
  });

  withHelm('volumes of log directories with any names, and roots of these names', async () => {
    const logs = { 'Vision Lab': { existingClaim: 'a' }, 'vision-lab': { existingClaim: 'b' }, Ünïcode: { hostPath: '/c' } };
    const { container, pod, resources } = await madePod('local.yaml', '--set-json', `logs=${JSON.stringify(logs)}`);
    const names = pod.volumes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    const config = parse(those(resources, 'ConfigMap')[0]?.data?.['mirrorboard.yaml'] ?? '');
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(config.roots.map((root: { name: string }) => root.name).sort()).toEqual(Object.keys(logs).sort());
    for (const { path } of config.roots) expect(mounts).toContain(path);
  });

  withHelm('an image by its digest', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const { container } = await madePod('local.yaml', '--set', `image.repository=registry.example.com/mirrorboard,image.digest=${digest}`);
    expect(container.image).toBe(`registry.example.com/mirrorboard@${digest}`);
  });

  withHelm('a test that runs doctor, next to the pod of the store', async () => {
    for (const example of ['trackers.yaml', 'shards.yaml', 'backfill.yaml']) {
      const resources = await made(example);
      const [doctor] = those(resources, 'Pod') as unknown as (Resource & { readonly spec: Workload['pod'] })[];
      expect(doctor?.metadata.annotations?.['helm.sh/hook']).toBe('test');
      expect(doctor?.spec.containers[0]?.args).toEqual(['doctor']);
      expect(doctor?.spec.volumes.find(({ name }) => name === 'data')).toEqual({ name: 'data', emptyDir: {} });
      const [workload] = workloadsIn(example, resources);
      // It has the same mounts as the other pods.
      const mounts = workload?.container.volumeMounts.filter(({ name }) => name !== 'data') ?? [];
      expect(doctor?.spec.containers[0]?.volumeMounts).toEqual(expect.arrayContaining([...mounts]));
      for (const { spec } of those(resources, 'Service')) expect(doctor?.metadata.labels).not.toMatchObject(spec?.selector ?? {});
    }
  });

  withHelm('the resources for Prometheus and an Ingress, with the names of its hosts', async () => {
    const resources = await made('monitoring.yaml');
    const [monitor] = those(resources, 'ServiceMonitor');
    expect(monitor?.metadata.labels['release']).toBe('prometheus');
    expect(monitor?.spec).toMatchObject({ endpoints: [{ port: 'http', path: '/metrics', interval: '30s' }] });
    const [service] = those(resources, 'Service');
    expect(service?.metadata.labels).toMatchObject(monitor?.spec?.selector?.matchLabels ?? {});
    expect(those(resources, 'Ingress')[0]?.spec).toMatchObject({ rules: [{ host: 'mirrorboard.example.com' }] });
    const [workload] = workloadsIn('monitoring', resources);
    const hosts = workload?.container.env?.find(({ name }) => name === 'MIRRORBOARD_LISTEN_HOST')?.value;
    expect(hosts?.split(',')).toContain('mirrorboard.example.com');
  });

  withHelm('notes with the next commands, and a warning if persistence is off', async () => {
    // helm prints notes only with a cluster, so this chart renders them as a resource.
    const copy = join(scratch, 'with-notes');
    cpSync(CHART, copy, { recursive: true });
    renameSync(join(copy, 'templates/NOTES.txt'), join(copy, 'NOTES.txt'));
    writeFileSync(join(copy, 'templates/notes.yaml'), 'kind: Notes\ntext: {{ tpl (.Files.Get "NOTES.txt") . | toJson }}\n');
    const notes = async (example: string, ...options: readonly string[]): Promise<string> => {
      const from = ['-n', 'tracking', '-f', join(copy, 'examples', example), '--show-only', 'templates/notes.yaml'];
      const { stdout, stderr } = await helm('template', 'mb', copy, '--kube-version', '1.28.0', ...from, ...options);
      return parse(stdout)?.text ?? stderr;
    };
    const single = await notes('trackers.yaml', '--set', 'persistence.enabled=false');
    expect(single).toContain('mode single: logs -> archive, clearml, local, mlflow, wandb');
    expect(single).toContain('helm test mb -n tracking --logs');
    expect(single).toContain('kubectl -n tracking exec deployment/mb-mirrorboard -- mirrorboard status');
    expect(single).toContain('WARNING: persistence.enabled is false');
    expect(await notes('shards.yaml')).toContain(
      'for i in 0 1 2 ; do kubectl -n tracking exec mb-mirrorboard-$i -- mirrorboard status; done',
    );
    expect(await notes('backfill.yaml')).toContain('kubectl -n tracking logs -f -l app.kubernetes.io/instance=mb');
    expect(await notes('local.yaml')).not.toContain('WARNING');
  });

  withHelm('no other number of shards while shards run', async () => {
    const cluster = await clusterWith({ apps: { replicas: 2 } });
    try {
      const upgrade = (...options: readonly string[]): Promise<Ran> =>
        helm(
          'template',
          'mirrorboard',
          CHART,
          '--dry-run=server',
          ...cluster.options,
          '-f',
          join(CHART, 'examples/shards.yaml'),
          ...options,
        );
      expect(await upgrade()).toMatchObject({ code: 1, stderr: expect.stringContaining('shards.count is 3, but 2 shards are running') });
      expect(await upgrade('--set', 'shards.count=2')).toMatchObject({ code: 0 });
      expect(await upgrade('--set', 'paused=true')).toMatchObject({ code: 0 });
    } finally {
      await cluster.close();
    }
  });
});

/** A stub of the API server of a cluster with one StatefulSet. It answers what helm asks. */
async function clusterWith({ apps }: { readonly apps: { readonly replicas: number } }): Promise<Cluster> {
  const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'mirrorboard', namespace: 'default' }, spec: apps };
  const resource = { name: 'statefulsets', singularName: 'statefulset', namespaced: true, kind: 'StatefulSet', verbs: ['get'] };
  const version = { groupVersion: 'apps/v1', version: 'v1' };
  const answers: Readonly<Record<string, unknown>> = {
    '/version': { major: '1', minor: '34', gitVersion: 'v1.34.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [] },
    '/apis': { kind: 'APIGroupList', groups: [{ name: 'apps', versions: [version], preferredVersion: version }] },
    '/apis/apps/v1': { kind: 'APIResourceList', groupVersion: 'apps/v1', resources: [resource] },
    '/apis/apps/v1/namespaces/default/statefulsets/mirrorboard': set,
  };
  const server = createServer(({ url = '' }, response) => {
    const answer = answers[url.split('?')[0] ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    options: ['--kubeconfig', '/dev/null', '--kube-apiserver', `http://127.0.0.1:${port}`],
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

interface Cluster {
  /** Options of helm. */
  readonly options: readonly string[];
  close(): Promise<void>;
}
