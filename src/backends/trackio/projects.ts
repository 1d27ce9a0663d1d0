/** The names of projects: Trackio stores a project under the letters, digits, `-` and `_` of its name. */
import { nameHash } from '../../backend-kit/exact-points/index.ts';

/** The project of a lane that names none. */
const DEFAULT = 'mirrorboard';
/** A project is a file on the server. */
const MOST_BYTES = 200;
/** Names that Trackio keeps for registries and for files next to those of a project (`validate_project_name`). */
const RESERVED =
  /^registry-|_(?:system|configs|traces|artifacts|artifact_versions|artifact_aliases|run_artifact_links|external_run_artifact_links)$/i;

/**
 * Returns the project that a name stands for. A name that Trackio would shorten gets a hash, so that no two names
 * lead to one project: Trackio itself takes `my.model` and `mymodel` for one.
 */
export function storedProject(name: string): string {
  if (name === '') return DEFAULT;
  const kept = name.replace(/[^A-Za-z0-9_-]/g, '');
  if (kept === name && Buffer.byteLength(kept) <= MOST_BYTES && !RESERVED.test(kept)) return name;
  return `${kept.replace(/^registry-/i, '').slice(0, 100) || 'project'}-${nameHash([name], 12)}`;
}
