import { type Config, linksOf } from '../config/index.ts';
import { globsOf, type RootRequest, type RunGlobs, resolveRoots, unseenRoots } from '../discover/index.ts';

/** The runs of some roots that the configured globs exclude, and their files. */
export interface LeftOutRuns {
  readonly runs: number;
  readonly files: number;
}

/**
 * Returns the excluded runs of some roots of which globs include nothing. Undefined if there are no globs, or no
 * runs.
 */
export async function leftOutOf(requests: readonly RootRequest[], config: Config): Promise<LeftOutRuns | undefined> {
  const links = linksOf(config);
  const roots = resolveRoots(requests, [], links, await unseenRoots(requests));
  const asked = roots.filter((root) => isNarrowed(globsOf(config.rules, root)));
  if (asked.length === 0) return undefined;
  const { walkRoots } = await import('../reading/index.ts');
  const walks = await walkRoots(asked.map((root) => ({ root: root.path, below: root.below, links: root.links })));
  const runs = walks.flatMap((walk) => walk.runs);
  return runs.length === 0 ? undefined : { runs: runs.length, files: runs.reduce((sum, { files }) => sum + files.length, 0) };
}

function isNarrowed({ include, exclude, ignore, shard }: RunGlobs): boolean {
  return include.length + exclude.length + ignore.length > 0 || shard !== undefined;
}
