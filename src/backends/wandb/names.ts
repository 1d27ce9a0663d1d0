/** The names of a run at the service, within its rules. */
import { nameHash } from '../../backend-kit/exact-points/index.ts';
import type { RunSource } from '../../contract/index.ts';
import type { RunUpdate } from './client.ts';
import { NAME_LENGTH, PROJECT_LENGTH, TAG_LENGTH } from './limits.ts';
import type { WandbSettings } from './settings.ts';

const DEFAULT_PROJECT = 'mirrorboard';

/**
 * Returns the id of the n-th run of a key, counted from 1: the same on every machine, but a different one in every
 * project.
 */
export function runIdOf(key: string, project: string, n: number): string {
  const hash = nameHash([key, project], 20);
  return n === 1 ? `mb${hash}` : `mb${hash}-${n}`;
}

/** Returns the project of a run: characters that W&B does not allow become `-` (`validate_project` in the SDK). */
export function projectOf(source: Pick<RunSource, 'group'>, { project }: Pick<WandbSettings, 'project'>): string {
  const name = source.group === '' ? (project ?? DEFAULT_PROJECT) : source.group;
  return [...name.replace(/[/\\#?%:\p{C}]+/gu, '-')].slice(0, PROJECT_LENGTH).join('') || DEFAULT_PROJECT;
}

/** Returns the name, group, job type, notes and tags of a run. */
export function changeOf(source: RunSource, settings: WandbSettings, suffix: string): RunUpdate {
  const expanded = (template: string | undefined): string | undefined => (template === undefined ? undefined : expand(template, source));
  const [first] = source.run.path.split('/');
  const group = source.parent?.name ?? expanded(settings.group) ?? (source.run.path.includes('/') ? first : undefined);
  const jobType = expanded(settings.jobType);
  const notes = expanded(settings.notes);
  const tags = tagsOf(source.tags, settings.tags);
  return {
    displayName: cut((expanded(settings.name) ?? source.name) + suffix, NAME_LENGTH),
    ...(group === undefined || group === '' ? {} : { group: cut(group, NAME_LENGTH) }),
    ...(jobType === undefined ? {} : { jobType: cut(jobType, TAG_LENGTH) }),
    ...(notes === undefined ? {} : { notes }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

/** Returns the tags of the lane and of the run; tags are texts in W&B. */
export function tagsOf(ofRun: RunSource['tags'], ofLane: readonly string[]): readonly string[] {
  const own = Object.entries(ofRun).map(([name, value]) => (value === '' ? name : `${name}:${value}`));
  return [...new Set([...ofLane, ...own].map((tag) => cut(tag.trim(), TAG_LENGTH)).filter((tag) => tag !== ''))];
}

/**
 * Expands a template: `{path}`, a part of the path by its index (`{path[0]}`), `{name}` (its last part), `{root}`.
 */
function expand(template: string, { run: { root, path } }: Pick<RunSource, 'run'>): string {
  const parts = path === '.' ? [root] : path.split('/');
  return template.replace(/\{([^{}]*)\}/g, (found, name: string) => {
    const index = /^path\[(-?\d+)\]$/.exec(name)?.[1];
    if (index !== undefined) return parts.at(Number(index)) ?? '';
    if (name === 'path') return parts.join('/');
    if (name === 'name') return parts.at(-1) ?? '';
    return name === 'root' ? root : found;
  });
}

function cut(text: string, length: number): string {
  const points = [...text];
  return points.length <= length ? text : `${points.slice(0, length - 1).join('')}…`;
}
