// What the tests of this folder read from the repository.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const repository = fileURLToPath(new URL('../../../../', import.meta.url));
export const manifestFiles = readdirSync(`${repository}config/kubernetes`).filter((name) => name.endsWith('.yaml'));

export function readText(path: string): string {
  return readFileSync(`${repository}${path}`, 'utf8');
}

/** One resource of Kubernetes, as far as the tests look into it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly automountServiceAccountToken?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: ResourceSpec;
}

export interface ResourceSpec {
  readonly replicas?: number;
  readonly strategy?: { readonly type: string };
  readonly suspend?: boolean;
  readonly podManagementPolicy?: string;
  readonly serviceName?: string;
  readonly accessModes?: readonly string[];
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly template?: PodTemplate;
  readonly jobTemplate?: { readonly spec: ResourceSpec };
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string }; readonly spec: ResourceSpec }[];
  readonly podFailurePolicy?: { readonly rules: readonly { readonly onExitCodes?: { readonly values: readonly number[] } }[] };
  readonly ingress?: readonly unknown[];
  readonly egress?: readonly unknown[];
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Volume[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly env?: readonly Variable[];
  readonly envFrom?: unknown;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

export interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly nfs?: { readonly readOnly?: boolean };
  readonly csi?: { readonly readOnly?: boolean };
  readonly hostPath?: object;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
  readonly emptyDir?: object;
}

/** The resources of a text with manifests. */
export function resourcesIn(text: string): Resource[] {
  const parts = parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
  return parts.filter((part) => part !== null);
}

/** The resources of a plain manifest. */
export function resourcesOf(file: string): Resource[] {
  return resourcesIn(readText(`config/kubernetes/${file}`));
}

/** A pod that manifests make, with its one container. */
export interface Workload {
  /** Where it is made: a plain manifest, or an example of the chart. */
  readonly file: string;
  /** All that is made there. */
  readonly resources: readonly Resource[];
  readonly resource: Resource;
  /** What says how pods are made: of a CronJob, that of its Jobs. */
  readonly spec: ResourceSpec;
  readonly pod: PodSpec;
  readonly container: Container;
}

/** The pods that a text with manifests makes. */
export function workloadsIn(file: string, resources: readonly Resource[]): Workload[] {
  return resources.flatMap((resource) => {
    const spec = resource.spec?.jobTemplate?.spec ?? resource.spec ?? {};
    const pod = spec.template?.spec;
    const container = pod?.containers[0];
    return pod === undefined || container === undefined ? [] : [{ file, resources, resource, spec, pod, container }];
  });
}

/** The volume that is mounted at a path, and whether it is mounted for reading only. */
export function volumeAt({ pod, container }: Workload, path: string): { readonly readOnly: boolean; readonly volume: Volume | undefined } {
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === path);
  return { readOnly: mount?.readOnly === true, volume: pod.volumes.find(({ name }) => name === mount?.name) };
}

/** The configuration file of a pod, from the ConfigMap that is mounted where its variable says. */
export function configurationOf(workload: Workload): { readonly path: string; readonly text: string | undefined } {
  const path = workload.container.env?.find(({ name }) => name === 'MIRRORBOARD_CONFIG')?.value ?? '';
  const [, folder = '', key = ''] = /^(.*)\/(.*)$/.exec(path) ?? [];
  const mounted = volumeAt(workload, folder).volume?.configMap?.name;
  const map = workload.resources.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === mounted);
  return { path, text: map?.data?.[key] };
}

/** One instruction of a Dockerfile, continued lines joined. */
export interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** The stages of the Dockerfile; the first entry is what stands before them. */
export function stagesOf(text: string): Instruction[][] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: Instruction[][] = [[]];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

/** What the final image sets in the environment. */
export function imageEnvironment(): Map<string, string> {
  const instructions = stagesOf(readText('Dockerfile')).at(-1) ?? [];
  const texts = instructions.filter(({ word }) => word === 'ENV').map(({ rest }) => rest);
  return new Map(texts.flatMap((text) => [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value] as const)));
}
