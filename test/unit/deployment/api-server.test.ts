// What schemas cannot tell: whether a real API server takes the manifests, and what the chart makes of its examples.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type KubeApi, kubeApiProgram, startKubeApi } from '../../support/kube-api.ts';
import { manifestFiles, type PodTemplate, type Resource, resourcesIn, resourcesOf } from './files.ts';
import { examples, render, withoutHelm } from './helm.ts';

/** A custom resource that only the Prometheus operator brings. */
const NOT_OF_KUBERNETES = ['ServiceMonitor'];
/** The standard "restricted" does not allow these volumes. */
const HOST_VOLUMES = ['hostPath', 'nfs'];

let program = '';
let reason = '';
try {
  program = kubeApiProgram();
} catch (error) {
  reason = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
}

const plain = manifestFiles.map((file) => [file, resourcesOf(file)] as const);
const rendered = reason === '' && withoutHelm === undefined ? await Promise.all(examples.map(renderedExample)) : [];

async function renderedExample(example: string): Promise<readonly [string, readonly Resource[]]> {
  const { code, stdout, stderr } = await render(example);
  expect([example, code, stderr]).toEqual([example, 0, '']);
  return [example, resourcesIn(stdout)];
}

function templateOf({ spec }: Resource): PodTemplate | undefined {
  return spec?.template ?? spec?.jobTemplate?.spec.template;
}

if (reason !== '') {
  process.stderr.write(`… skipped, no API server of Kubernetes: ${reason}\n`);
  test.skip(`a real API server accepts every manifest (${reason})`, () => undefined);
} else {
  describe('a real API server', () => {
    let api: KubeApi;
    beforeAll(async () => {
      api = await startKubeApi(program);
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      for (const metadata of [{ name: 'open' }, { name: 'restricted', labels }]) {
        const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata };
        expect((await api.send(namespace, '', true)).status).toBe(201);
      }
    }, 120_000);
    afterAll(async () => {
      await api.stop();
    });

    test.each([...plain, ...rendered])('accepts everything in %s', async (_, resources) => {
      const sent = resources.filter(({ kind }) => !NOT_OF_KUBERNETES.includes(kind));
      expect(sent.length).toBeGreaterThan(2);
      for (const resource of sent) {
        const { status, body } = await api.send(resource, 'open');
        expect([resource.kind, status, body['message']]).toEqual([resource.kind, 201, undefined]);
      }
    });

    test.each([...plain, ...rendered])('allows the pods of %s if the standard is "restricted"', async (_, resources) => {
      for (const resource of resources) {
        const template = templateOf(resource);
        if (template === undefined || template.spec.volumes.some((volume) => HOST_VOLUMES.some((kind) => kind in volume))) continue;
        const pod = { apiVersion: 'v1', kind: 'Pod', ...template, metadata: { ...template.metadata, name: 'pod' } };
        // A StatefulSet adds the volumes of its own claims.
        const claims = (resource.spec?.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({ name, emptyDir: {} }));
        const { status, body } = await api.send({ ...pod, spec: { ...pod.spec, volumes: [...pod.spec.volumes, ...claims] } }, 'restricted');
        expect([resource.kind, status, body['message']]).toEqual([resource.kind, 201, undefined]);
      }
    });

    test('refuses what the schemas accept: a request above its limit, and a pod of root', async () => {
      const [deployment] = plain.flatMap(([, resources]) => resources).filter(({ kind }) => kind === 'Deployment');
      const text = JSON.stringify(deployment);
      const greedy = JSON.parse(text.replace(/"requests":\{[^}]*\}/, '"requests":{"memory":"99Gi"}')) as Resource;
      const { status, body } = await api.send(greedy, 'open');
      expect([status, body['message']]).toEqual([422, expect.stringContaining('must be less than or equal to memory limit')]);
      const { metadata, spec } = templateOf(JSON.parse(text.replaceAll('"runAsNonRoot":true', '"runAsNonRoot":false')))!;
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'root' }, spec };
      expect((await api.send(pod, 'restricted')).status).toBe(403);
    });
  });
}
