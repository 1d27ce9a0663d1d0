import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { makeProgram } from '../../../src/cli/program.ts';
import { type Config, loadConfig } from '../../../src/config/index.ts';
import { ExitCode } from '../../../src/errors.ts';
import { environmentName } from '../../../src/flag-names.ts';
import { resolveLanes } from '../../../src/lanes/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import {
  configurationOf,
  imageEnvironment,
  manifestFiles,
  readText,
  repository,
  resourcesIn,
  resourcesOf,
  volumeAt,
  type Workload,
  workloadsIn,
} from './files.ts';
import { examples, render, withoutHelm } from './helm.ts';

const { version } = JSON.parse(readText('package.json'));
const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });

// Where Secrets are mounted, and the settings that name a file there.
const SECRETS = '/run/secrets/mirrorboard';
const SECRET_FILES = /_file: (\S+)$/gm;

const plain = manifestFiles.flatMap((file) => workloadsIn(file, resourcesOf(file)));
// With helm, every example of the chart must meet the same rules.
const rendered = withoutHelm === undefined ? await Promise.all(examples.map(workloadsOfExample)) : [];
const all = [...plain, ...rendered.flat()].map((workload) => [`${workload.file}: ${workload.resource.kind}`, workload] as const);
const watching = all.filter(([, { container }]) => container.args[0] === 'watch');

async function workloadsOfExample(example: string): Promise<Workload[]> {
  const { stdout } = await render(example, '--skip-tests');
  return workloadsIn(`examples/${example}`, resourcesIn(stdout));
}

/** The only plain workload of a kind. */
function only(kind: string): Workload {
  const found = plain.filter(({ resource }) => resource.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Workload;
}

/** What the program finds in its environment in a pod, with something in the place of Secrets. */
function environmentOf({ container }: Workload): Record<string, string> {
  const own = container.env?.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.secretKeyRef?.key ?? 'x'] as const) ?? [];
  return { ...Object.fromEntries(imageEnvironment()), ...Object.fromEntries(own) };
}

/** What the program makes of the configuration of a pod, with Secrets in a folder. */
function configOf(workload: Workload, env: Record<string, string>, secrets = SECRETS): Promise<Config> {
  const { text = '' } = configurationOf(workload);
  return loadConfig({ flags: {}, env, cwd: '/var/lib/mirrorboard', readFile: () => text.replaceAll(SECRETS, secrets) });
}

describe('the pods', () => {
  test('are those of one Deployment, one StatefulSet and one Job', () => {
    expect(plain.map(({ resource }) => resource.kind).sort()).toEqual(['Deployment', 'Job', 'StatefulSet']);
    for (const [, { pod }] of all) expect([pod.containers.length, pod.initContainers ?? []]).toEqual([1, []]);
  });

  test.each(all)('cannot write to the logs, nor change their owners: %s', (_, workload) => {
    const paths = workload.container.volumeMounts.map(({ mountPath }) => mountPath).filter((path) => /^\/logs(\/|$)/.test(path));
    expect(paths).not.toEqual([]);
    for (const path of paths) {
      const { readOnly, volume } = volumeAt(workload, path);
      expect(readOnly).toBe(true);
      // Not by the mount alone: fsGroup is applied to whole volumes that are not read-only themselves. Never to those
      // of the host.
      if (volume?.hostPath === undefined) expect((volume?.persistentVolumeClaim ?? volume?.nfs ?? volume?.csi)?.readOnly).toBe(true);
    }
  });

  test.each(all)('can write to a claim of their own and to /tmp, and to nothing else: %s', (_, workload) => {
    const { container, resources, resource, spec } = workload;
    const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    expect(writable.sort()).toEqual(['/tmp', '/var/lib/mirrorboard']);
    expect(volumeAt(workload, '/tmp').volume?.emptyDir).toBeDefined();
    const claims = resources.filter(({ kind }) => kind === 'PersistentVolumeClaim');
    const modes = [...claims, ...(spec.volumeClaimTemplates ?? [])].map((claim) => claim.spec?.accessModes);
    expect(modes).toEqual([[workload.file === 'examples/volumes.yaml' ? 'ReadWriteOnce' : 'ReadWriteOncePod']]);
    const mount = container.volumeMounts.find(({ mountPath }) => mountPath === '/var/lib/mirrorboard')?.name;
    if (resource.kind === 'StatefulSet') expect(spec.volumeClaimTemplates?.[0]?.metadata.name).toBe(mount);
    else expect(volumeAt(workload, '/var/lib/mirrorboard').volume?.persistentVolumeClaim?.claimName).toBe(claims[0]?.metadata.name);
  });

  test.each(all)('mount nothing into a read-only volume: %s', (_, { container }) => {
    // The runtime makes the place of a mount, and could not there.
    const fixed = container.volumeMounts.filter(({ readOnly }) => readOnly === true).map(({ mountPath }) => `${mountPath}/`);
    const paths = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(paths.filter((path) => fixed.some((folder) => path.startsWith(folder)))).toEqual([]);
  });

  test.each(all)('have only the rights that they need: %s', (_, { file, pod, container }) => {
    const numbers = file === 'examples/openshift.yaml' ? {} : { runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001 };
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, ...numbers, seccompProfile: { type: 'RuntimeDefault' } });
    if (file === 'examples/openshift.yaml') expect(Object.keys(pod.securityContext)).not.toContain('runAsUser');
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect([pod.hostNetwork, pod.hostPID, pod.automountServiceAccountToken]).toEqual([undefined, undefined, false]);
  });

  test.each(all)('get no settings from the names of services: %s', (_, { pod }) => {
    // A Service called mirrorboard would set MIRRORBOARD_PORT and more.
    expect(pod.enableServiceLinks).toBe(false);
  });

  test.each(all)('have a minute to store their data, and end earlier by themselves: %s', (_, workload) => {
    const { terminationGracePeriodSeconds = 0 } = workload.pod;
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(60);
    expect(environmentOf(workload)['MIRRORBOARD_SHUTDOWN_GRACE']).toBe(`${terminationGracePeriodSeconds - 10}s`);
  });

  test.each(all)('run the image of this version, by a fixed tag: %s', (_, { container }) => {
    expect(container.image).toBe(`mirrorboard:${version}`);
    expect(container.command).toBeUndefined();
  });

  test.each(all)('request the memory that they need: %s', (_, { container }) => {
    expect(container.resources.requests).toMatchObject({ memory: expect.any(String), cpu: expect.any(String) });
    expect(container.resources.limits).toMatchObject({ memory: expect.any(String) });
  });

  test.each(all)('pass only existing options to their program: %s', (_, { container }) => {
    const [name = '', ...args] = container.args;
    const command = program.commands.find((candidate) => candidate.name() === name);
    expect(command?.name()).toBe(name);
    const known = command?.options.map(({ long }) => long) ?? [];
    for (const flag of args.filter((arg) => arg.startsWith('--'))) expect(known).toContain(flag);
  });

  test.each(all)('carry the labels that select them: %s', (_, { resource, resources, spec }) => {
    const labels = spec.template?.metadata.labels;
    expect(resource.metadata.labels).toMatchObject(labels ?? {});
    for (const { kind, spec: other } of resources) {
      if (kind === 'ServiceMonitor' || other?.selector === undefined) continue;
      expect(labels).toMatchObject(other.selector.matchLabels ?? other.selector);
    }
  });

  test.each(all)('have an account without a token: %s', (_, { pod, resources }) => {
    const account = resources.find(({ kind }) => kind === 'ServiceAccount');
    expect([account?.metadata.name, account?.automountServiceAccountToken]).toEqual([pod.serviceAccountName, false]);
    expect(resources.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
  });

  test.each(all)('have a configuration that the program accepts, with the mounted logs as its roots: %s', async (_, workload) => {
    const config = await configOf(workload, environmentOf(workload));
    const mounted = workload.container.volumeMounts.map(({ mountPath }) => mountPath).filter((mount) => /^\/logs(\/|$)/.test(mount));
    expect(config.roots.map((root) => root.path).sort()).toEqual(mounted.sort());
    expect(config.lanes.local).toEqual({
      path: '/var/lib/mirrorboard/mirrorboard.db',
      mediaPath: '/var/lib/mirrorboard/mirrorboard.media',
    });
    expect(config.state).toEqual({ path: '/var/lib/mirrorboard/mirrorboard.state' });
  });

  test.each(all)('have lanes with settings that their types accept: %s', async (_, workload) => {
    const folder = temporaryFolder();
    for (const [, file = ''] of (configurationOf(workload).text ?? '').matchAll(SECRET_FILES)) {
      const path = file.replace(SECRETS, folder);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'secret\n');
    }
    const config = await configOf(workload, environmentOf(workload), folder);
    const names = (await resolveLanes(config, environmentOf(workload))).map(({ name }) => name);
    expect(names).toEqual(config.lanes.trackers.map(({ name }) => name));
  });

  test.each(all)('find every file that their configuration names: %s', (_, workload) => {
    const { text = '' } = configurationOf(workload);
    for (const [, file = ''] of text.matchAll(SECRET_FILES)) {
      const folder = file.slice(0, file.lastIndexOf('/'));
      expect([folder, volumeAt(workload, folder).volume?.secret?.secretName]).toEqual([folder, expect.any(String)]);
    }
  });
});

describe.each(watching)('watch in %s', (_, workload) => {
  const { container } = workload;

  test('is probed at its listening port', () => {
    expect(container.args[container.args.indexOf('--listen') + 1]).toBe('0.0.0.0:8080');
    expect(container.ports).toEqual([{ name: 'http', containerPort: 8080 }]);
    expect(container.startupProbe?.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.livenessProbe?.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'http' });
  });

  test('answers to the names of its Service', () => {
    const hosts = environmentOf(workload)['MIRRORBOARD_LISTEN_HOST']?.split(',') ?? [];
    for (const name of workload.resources.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name)) {
      // The single pods of a StatefulSet have names below that of their Service.
      const own = name.endsWith('-pods') ? `.${name}.` : `${name}.`;
      expect(hosts).toEqual(expect.arrayContaining([`${own}$(POD_NAMESPACE).svc.cluster.local`]));
    }
    expect(container.env?.find(({ name }) => name === 'POD_NAMESPACE')?.valueFrom?.fieldRef?.fieldPath).toBe('metadata.namespace');
  });

  test('accepts requests, and may connect to the targets of its lanes', () => {
    const policy = workload.resources.find(({ kind }) => kind === 'NetworkPolicy');
    expect(policy?.spec?.ingress).toMatchObject([{ ports: [{ port: 8080, protocol: 'TCP' }] }]);
    const trackers = /^ {2}(?!local:)[\w-]+:/m.test(configurationOf(workload).text?.split(/^(?=\w)/m)[0] ?? '');
    expect((policy?.spec?.egress ?? []).length > 0).toBe(trackers);
  });
});

test('the deployment never has two writers', () => {
  const { spec } = only('Deployment').resource;
  expect([spec?.replicas, spec?.strategy]).toEqual([1, { type: 'Recreate' }]);
});

test('each shard knows its number and how many there are', () => {
  const { container, resource, resources } = only('StatefulSet');
  expect(container.args[container.args.indexOf('--shard') + 1]).toBe(`$(POD_INDEX)/${resource.spec?.replicas}`);
  const path = container.env?.find(({ name }) => name === 'POD_INDEX')?.valueFrom?.fieldRef?.fieldPath;
  expect(path).toBe("metadata.labels['apps.kubernetes.io/pod-index']");
  expect(resource.spec?.podManagementPolicy).toBe('Parallel');
  expect(resources.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name)).toContain(resource.spec?.serviceName);
});

test('a job fails without a retry if a retry cannot help', () => {
  const jobs = all.map(([, workload]) => workload).filter(({ container }) => container.args[0] === 'backfill');
  expect(jobs.length).toBeGreaterThan(0);
  for (const { spec } of jobs) {
    const rules = spec.podFailurePolicy?.rules ?? [];
    expect(rules.flatMap(({ onExitCodes }) => onExitCodes?.values ?? [])).toEqual([
      ExitCode.notMirrored,
      ExitCode.wrongUse,
      ExitCode.locked,
    ]);
  }
});

describe('the environment', () => {
  // What Node itself reads.
  const ofNode = ['NODE_ENV', 'UV_THREADPOOL_SIZE'];

  test.each([...imageEnvironment().keys()].filter((name) => !ofNode.includes(name)))('%s is read by the program', async (name) => {
    const config = await loadConfig({ flags: {}, env: { [name]: 'x' }, cwd: repository, readFile: () => '' });
    expect(config.unknownVariables).toEqual([]);
  });

  test.each(all)('has only variables with an effect: %s', async (_, workload) => {
    const asked = new Set<string>();
    const env = new Proxy(environmentOf(workload), {
      get: (target, name) => {
        asked.add(String(name));
        return target[String(name)];
      },
    });
    expect((await configOf(workload, env)).unknownVariables).toEqual([]);
    const { env: own = [], args } = workload.container;
    // The others belong to the program, or other variables and arguments are made of them.
    const texts = [...args, ...own.map(({ value }) => value ?? '')].join(' ');
    const others = own.map(({ name }) => name).filter((name) => !name.startsWith('MIRRORBOARD_') && !texts.includes(`$(${name})`));
    expect(others.filter((name) => !asked.has(name))).toEqual([]);
  });

  test('of the manifests is explicit, and includes no other resources as a whole', () => {
    for (const [, { container }] of all) expect(container.envFrom).toBeUndefined();
  });

  test('names variables by the rule of the flags', () => {
    expect(['config', 'store', 'state', 'listen', 'logFormat', 'listenHost'].map(environmentName)).toEqual(
      ['CONFIG', 'STORE', 'STATE', 'LISTEN', 'LOG_FORMAT', 'LISTEN_HOST'].map((name) => `MIRRORBOARD_${name}`),
    );
  });
});

test('docs/deployment.md names every manifest', () => {
  for (const file of manifestFiles) expect(readText('docs/deployment.md')).toContain(`config/kubernetes/${file}`);
});
