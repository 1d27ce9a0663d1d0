import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { MirrorError } from '../errors.ts';
import { nameOfBytes, systemPath } from '../name-bytes.ts';
import { isGone, reasonOf, remedyOf } from '../system-error.ts';
import { DEFAULT_LINKS, inDirectory, isWithin, type LinkRule, type LinkRules } from '../untrusted/index.ts';
import type { UnseenRoots } from './unseen-roots.ts';

/** A root as the caller requested it. */
export interface RootRequest {
  readonly path: string;
  /** The name from `NAME=PATH` or the configuration; default: the last part of the path. */
  readonly name?: string;
  /** Default: the rule for all roots. */
  readonly links?: LinkRule;
}

/** A root as it is mirrored. */
export interface ResolvedRoot {
  readonly name: string;
  /** Its real path. */
  readonly path: string;
  /** Only runs at or below this directory, relative to the root; empty for all. */
  readonly below: string;
  /** The rule for following links below it. */
  readonly links: LinkRule;
  /** True if the user named it explicitly. */
  readonly isNamed: boolean;
}

/** A root that has mirrored runs, and its last known path. */
interface KnownRoot {
  readonly name: string;
  readonly path: string;
}

/**
 * Checks the roots of one command against each other and against those already mirrored. Every run has one name, so
 * roots neither share names nor contain each other. A directory below a known root is that root, narrowed. `unseen`:
 * roots that cannot be checked now.
 */
export function resolveRoots(
  requests: readonly RootRequest[],
  known: readonly KnownRoot[],
  linksOf: LinkRules = () => DEFAULT_LINKS,
  unseen: UnseenRoots = { silent: new Set(), places: new Map() },
): ResolvedRoot[] {
  const places = new DirectoryIndex<KnownRoot>();
  for (const root of known) places.add(root.path, root);
  const resolved = requests.map((request) => resolveRoot(request, places, linksOf, unseen.places.get(request.path)));
  checkUnseen(resolved, requests, known, unseen);
  const given = new DirectoryIndex<ResolvedRoot>();
  const names = new Map<string, ResolvedRoot>();
  for (const root of resolved) {
    const path = fullPath(root);
    const other = given.holding(path) ?? given.below(path);
    if (other !== undefined) {
      const [inner, outer] = isWithin(path, fullPath(other)) ? [path, fullPath(other)] : [fullPath(other), path];
      throw new MirrorError('MB2005', inner === outer ? `${inner} is given twice` : `${inner} is inside ${outer}, which is given too`, {
        hint: 'Give only the outer directory: it includes the inner one.',
        context: { path: inner },
      });
    }
    const namesake = names.get(root.name);
    if (namesake !== undefined && namesake.path !== root.path) {
      throw new MirrorError('MB2004', `${namesake.path} and ${root.path} would both be called ${root.name}`, {
        hint: `Name one of them: ${root.name}-2=${root.path}`,
        context: { path: root.path, name: root.name },
      });
    }
    given.add(path, root);
    names.set(root.name, root);
  }
  return resolved;
}

/**
 * Throws if a root that cannot be checked may be another one than the known root of its name: only the operator can
 * tell. A silent root is taken for the known one.
 */
function checkUnseen(
  resolved: readonly ResolvedRoot[],
  requests: readonly RootRequest[],
  known: readonly KnownRoot[],
  { silent, places }: UnseenRoots,
): void {
  for (const [i, { name, path, isNamed }] of resolved.entries()) {
    const asked = requests[i]?.path ?? '';
    if (isNamed || silent.has(asked) || !places.has(asked)) continue;
    const other = known.find((root) => root.name === name && root.path !== path && root.path !== '');
    if (other === undefined) continue;
    throw new MirrorError('MB2007', `${path} cannot be read now, and ${name} is mirrored from ${other.path}`, {
      hint: `If it is the same root, moved: ${name}=${path}. If it is another one: ${name}-2=${path}`,
      context: { path, name },
    });
  }
}

/**
 * An index of directories by the directories above them: among thousands, it does not compare each with every other.
 */
class DirectoryIndex<Item> {
  readonly #own = new Map<string, Item>();
  readonly #below = new Map<string, Item>();

  add(path: string, item: Item): void {
    if (!this.#own.has(path)) this.#own.set(path, item);
    for (const above of directoriesAbove(path)) if (!this.#below.has(above)) this.#below.set(above, item);
  }

  /** Returns an item at this directory, or at one that contains it. */
  holding(path: string): Item | undefined {
    for (const one of [path, ...directoriesAbove(path)]) {
      const item = this.#own.get(one);
      if (item !== undefined) return item;
    }
    return undefined;
  }

  /** Returns an item inside this directory. */
  below(path: string): Item | undefined {
    return this.#below.get(path);
  }
}

function directoriesAbove(path: string): string[] {
  const above: string[] = [];
  for (let at = path, next = dirname(at); next !== at; at = next, next = dirname(at)) above.push(next);
  return above;
}

function resolveRoot(request: RootRequest, known: DirectoryIndex<KnownRoot>, linksOf: LinkRules, unseen: string | undefined): ResolvedRoot {
  const path = unseen ?? checkedPath(request.path);
  const links = request.links ?? linksOf(path);
  const own = request.name ?? (basename(resolve(request.path)) || 'root');
  const inner = known.below(path);
  if (inner !== undefined) {
    throw new MirrorError('MB2006', `${path} contains ${inner.path}, which is already mirrored as ${inner.name}`, {
      hint: `Give its other directories one by one, or mirror the whole directory into another store: --store other.db`,
      context: { path, known: inner.path },
    });
  }
  const root = known.holding(path);
  if (root === undefined) return { name: own, path, below: '', links, isNamed: request.name !== undefined };
  if (request.name !== undefined && request.name !== root.name) {
    throw new MirrorError('MB2005', `${path} is already mirrored as ${root.name}, and cannot be ${request.name} too`, {
      hint: `Omit the name, or give ${root.name}=${root.path}`,
      context: { path, name: root.name },
    });
  }
  return { name: root.name, path: root.path, below: relative(root.path, path).split(sep).join('/'), links, isNamed: true };
}

function checkedPath(path: string): string {
  let real: string;
  try {
    // Takes the path as typed, or in the form in which mirrorboard shows a path that is not UTF-8.
    real = nameOfBytes(realpathSync.native(existsSync(path) ? path : systemPath(path), { encoding: 'buffer' }));
    if (!statSync(systemPath(real)).isDirectory()) {
      throw new MirrorError('MB2002', `${path} is not a directory`, {
        hint: 'Give the directory that contains the event files. To look at a single file: mirrorboard inspect FILE',
        context: { path },
      });
    }
    accessSync(systemPath(real), constants.R_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof MirrorError) throw error;
    const isMissing = isGone(error);
    throw new MirrorError(
      isMissing ? 'MB2001' : 'MB2003',
      isMissing ? `no such directory: ${path}` : `reading ${path}: ${reasonOf(error)}`,
      {
        hint: isMissing ? 'Check the path; a relative path starts at the working directory.' : remedyOf(error),
        ...(isMissing ? {} : { cause: error }),
        context: { path },
      },
    );
  }
  return real;
}

function fullPath(root: ResolvedRoot): string {
  return root.below === '' ? root.path : inDirectory(root.path, root.below);
}
