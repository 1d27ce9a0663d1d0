import { closestName } from '../closest-name.ts';

/** The built-in types. A lane of one of these names needs no `type`; any other type is a package. */
export const LANE_TYPES = ['local', 'mlflow', 'wandb', 'clearml', 'aim', 'trackio', 'parquet'] as const;

/**
 * The settings of the built-in types that are templates of the experiment or project (`groupKeys` of the type,
 * without ids).
 */
export const GROUP_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  mlflow: ['experiment_name'],
  wandb: ['project'],
  clearml: ['project', 'project_name'],
  trackio: ['project'],
};

/** The names that have another meaning among lanes. */
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

/** True if a lane can have this name: it is a key, a word of the command line, and part of variables. */
export function isLaneName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) && !RESERVED.includes(name);
}

/** Returns the type of a lane: its `type`, else its name if that is a built-in type. */
export function laneType(name: string, type: string | undefined): string | undefined {
  return type ?? LANE_TYPES.find((type) => type === name);
}

/** Returns the expected text for a lane without a type. */
export function expectedType(name: string, lanes: readonly string[] = []): string {
  const guess = closestName(name, [...LANE_TYPES, ...lanes]);
  return `a lane with a type: ${LANE_TYPES.join(', ')} or the name of a package${guess === undefined ? '' : `; did you mean ${guess}?`}`;
}
