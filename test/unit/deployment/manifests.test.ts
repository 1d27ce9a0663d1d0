import { describe, expect, test } from '@jest/globals';
import { makeProgram } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { ExitCode } from '../../../src/errors.ts';
import { environmentName } from '../../../src/flag-names.ts';
import { imageEnvironment, manifestFiles, readText, repository, resourcesOf, type Volume, type Workload, workloads } from './files.ts';

const { version } = JSON.parse(readText('package.json'));
const all = workloads.map((workload) => [`${workload.file}: ${workload.resource.kind}`, workload] as const);
const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });

/** The only workload of a kind. */
function only(kind: string): Workload {
  const found = workloads.filter(({ resource }) => resource.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Workload;
}

function volumeAt({ pod, container }: Workload, path: string): { readonly readOnly: boolean; readonly volume: Volume | undefined } {
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === path);
  return { readOnly: mount?.readOnly === true, volume: pod.volumes.find(({ name }) => name === mount?.name) };
}

describe('the pods', () => {
  test('are those of one Deployment and one Job', () => {
    expect(workloads.map(({ resource }) => resource.kind).sort()).toEqual(['Deployment', 'Job']);
    for (const { pod } of workloads) expect([pod.containers.length, pod.initContainers ?? []]).toEqual([1, []]);
  });

  test.each(all)('cannot write to the logs, nor change their owners: %s', (_, workload) => {
    const logs = volumeAt(workload, '/logs');
    expect(logs.readOnly).toBe(true);
    // Not by the mount alone: fsGroup is applied to whole volumes that are not read-only themselves.
    expect(logs.volume?.persistentVolumeClaim?.readOnly).toBe(true);
  });

  test.each(all)('can write to a claim of their own and to /tmp, and to nothing else: %s', (_, workload) => {
    const { file, container } = workload;
    const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    expect(writable.sort()).toEqual(['/tmp', '/var/lib/mirrorboard']);
    expect(volumeAt(workload, '/tmp').volume?.emptyDir).toBeDefined();
    const claim = volumeAt(workload, '/var/lib/mirrorboard').volume?.persistentVolumeClaim?.claimName;
    const made = resourcesOf(file).filter(({ kind }) => kind === 'PersistentVolumeClaim');
    expect(made.map(({ metadata, spec }) => [metadata.name, spec?.accessModes])).toEqual([[claim, ['ReadWriteOncePod']]]);
  });

  test.each(all)('have no more rights than they need: %s', (_, { pod, container }) => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
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

  test.each(all)('have a minute to store what was read: %s', (_, { pod }) => {
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(60);
  });

  test.each(all)('run the image of this version, by a tag that stays: %s', (_, { container }) => {
    expect(container.image).toBe(`mirrorboard:${version}`);
    expect(container.command).toBeUndefined();
  });

  test.each(all)('say what memory they need: %s', (_, { container }) => {
    expect(container.resources.requests).toMatchObject({ memory: expect.any(String), cpu: expect.any(String) });
    expect(container.resources.limits).toMatchObject({ memory: expect.any(String) });
  });

  test.each(all)('give their program only options it has: %s', (_, { container }) => {
    const [name = '', ...args] = container.args;
    const command = program.commands.find((candidate) => candidate.name() === name);
    expect(command?.name()).toBe(name);
    const known = command?.options.map(({ long }) => long) ?? [];
    for (const flag of args.filter((arg) => arg.startsWith('--'))) expect(known).toContain(flag);
  });

  test.each(all)('carry the labels they are selected by: %s', (_, { resource }) => {
    expect(resource.spec?.template?.metadata.labels).toEqual(resource.metadata.labels);
    if (resource.spec?.selector !== undefined) expect(resource.spec.selector.matchLabels).toEqual(resource.metadata.labels);
  });
});

describe('the deployment', () => {
  test('never has two writers', () => {
    const { spec } = only('Deployment').resource;
    expect([spec?.replicas, spec?.strategy]).toEqual([1, { type: 'Recreate' }]);
  });

  test('is probed where it listens', () => {
    const { container } = only('Deployment');
    expect(container.args[container.args.indexOf('--listen') + 1]).toBe('0.0.0.0:8080');
    expect(container.ports).toEqual([{ name: 'health', containerPort: 8080 }]);
    expect(container.startupProbe?.httpGet).toEqual({ path: '/livez', port: 'health' });
    expect(container.livenessProbe?.httpGet).toEqual({ path: '/livez', port: 'health' });
    expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
  });

  test('has an account without a token', () => {
    const { file, pod } = only('Deployment');
    const account = resourcesOf(file).find(({ kind }) => kind === 'ServiceAccount');
    expect([account?.metadata.name, account?.automountServiceAccountToken]).toEqual([pod.serviceAccountName, false]);
  });

  test('has a configuration that the program takes, with the mounted logs as its root', async () => {
    const workload = only('Deployment');
    const named = workload.container.env?.find(({ name }) => name === 'MIRRORBOARD_CONFIG')?.value ?? '';
    const [, folder = '', key = ''] = /^(.*)\/(.*)$/.exec(named) ?? [];
    const mounted = volumeAt(workload, folder).volume?.configMap?.name;
    const map = resourcesOf(workload.file).find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === mounted);
    const text = map?.data?.[key];
    expect(text).toBeDefined();
    const env = { ...Object.fromEntries(imageEnvironment()), MIRRORBOARD_CONFIG: named };
    const config = await loadConfig({ flags: {}, env, cwd: '/var/lib/mirrorboard', readFile: () => text ?? '' });
    expect(config.roots).toEqual([{ path: '/logs', name: 'logs' }]);
    expect(config.lanes.local).toEqual({
      path: '/var/lib/mirrorboard/mirrorboard.db',
      mediaPath: '/var/lib/mirrorboard/mirrorboard.media',
    });
    expect(config.state).toEqual({ path: '/var/lib/mirrorboard/mirrorboard.state' });
  });
});

test('the job gives up on what another try does not cure', () => {
  const rules = only('Job').resource.spec?.podFailurePolicy?.rules ?? [];
  expect(rules.flatMap(({ onExitCodes }) => onExitCodes?.values ?? [])).toEqual([ExitCode.notMirrored, ExitCode.wrongUse, ExitCode.locked]);
});

describe('the environment', () => {
  /** The variables that `loadConfig` asks for, and those that the options of the command line have as twins. */
  async function knownNames(): Promise<Set<string>> {
    const asked = new Set<string>();
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_, name) => {
          asked.add(String(name));
          return undefined;
        },
      },
    );
    await loadConfig({ flags: {}, env, cwd: repository, readFile: () => '' });
    for (const option of program.commands.flatMap(({ options }) => options)) {
      if (option.envVar !== undefined) asked.add(option.envVar);
    }
    return asked;
  }

  const inManifests = workloads.flatMap(({ container }) => container.env?.map(({ name }) => name) ?? []);
  // What Node itself reads.
  const ofNode = ['NODE_ENV', 'UV_THREADPOOL_SIZE'];
  const names = new Set([...imageEnvironment().keys(), ...inManifests].filter((name) => !ofNode.includes(name)));

  test.each([...names])('%s is a variable that the program reads', async (name) => {
    expect([...(await knownNames())]).toContain(name);
  });

  test('of the manifests is written out, not taken from other resources whole', () => {
    for (const { container } of workloads) expect(container.envFrom).toBeUndefined();
  });

  test('names variables by the rule of the flags', () => {
    expect(['config', 'store', 'state', 'listen', 'logFormat'].map(environmentName)).toEqual(
      ['CONFIG', 'STORE', 'STATE', 'LISTEN', 'LOG_FORMAT'].map((name) => `MIRRORBOARD_${name}`),
    );
  });
});

test('docs/deployment.md names every manifest', () => {
  for (const file of manifestFiles) expect(readText('docs/deployment.md')).toContain(`config/kubernetes/${file}`);
});
