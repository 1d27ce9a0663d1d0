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
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly automountServiceAccountToken?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly strategy?: { readonly type: string };
    readonly accessModes?: readonly string[];
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template?: { readonly metadata: { readonly labels: Readonly<Record<string, string>> }; readonly spec: PodSpec };
    readonly podFailurePolicy?: { readonly rules: readonly { readonly onExitCodes?: { readonly values: readonly number[] } }[] };
  };
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
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
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

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

export interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly configMap?: { readonly name: string };
  readonly emptyDir?: object;
}

/** The resources of a manifest. */
export function resourcesOf(file: string): Resource[] {
  return parseAllDocuments(readText(`config/kubernetes/${file}`)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}

/** A pod that a manifest makes, with its one container. */
export interface Workload {
  readonly file: string;
  readonly resource: Resource;
  readonly pod: PodSpec;
  readonly container: Container;
}

export const workloads: readonly Workload[] = manifestFiles.flatMap((file) =>
  resourcesOf(file).flatMap((resource) => {
    const pod = resource.spec?.template?.spec;
    const container = pod?.containers[0];
    return pod === undefined || container === undefined ? [] : [{ file, resource, pod, container }];
  }),
);

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
