import { closestName } from '../closest-name.ts';

/** Types that are built in. A lane of one of these names needs no `type`; any other type is a package. */
export const LANE_TYPES = ['local', 'mlflow', 'wandb', 'clearml', 'aim'] as const;

/**
 * The settings of the built-in types that are templates of the experiment or project (`groupKeys` of the type, but
 * for ids).
 */
export const GROUP_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  mlflow: ['experiment_name'],
  wandb: ['project'],
  clearml: ['project', 'project_name'],
};

/** Names that have another meaning among lanes. */
export const RESERVED = [
  'lanes',
  'backend',
  'backends',
  'project',
  'tags',
  'shared_tags',
  'runs',
  'config',
  'routes',
  'params',
  'artifacts',
  'type',
  'default',
];

/** True if a lane can be called so: its name is a key, a word of the command line, and part of variables. */
export function isLaneName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) && !RESERVED.includes(name);
}

/** The type of a lane: what it says, or what its name says. */
export function laneType(name: string, type: string | undefined): string | undefined {
  return type ?? LANE_TYPES.find((type) => type === name);
}

/** What was expected if a lane has no type. */
export function expectedType(name: string, lanes: readonly string[] = []): string {
  const guess = closestName(name, [...LANE_TYPES, ...lanes]);
  return `a lane with a type: ${LANE_TYPES.join(', ')} or the name of a package${guess === undefined ? '' : `; did you mean ${guess}?`}`;
}
