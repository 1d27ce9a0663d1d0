import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { basename, relative, resolve, sep } from 'node:path';
import { MirrorError, systemCode } from '../errors.ts';
import { nameOfBytes, systemPath } from '../model/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS, isWithin, type LinkRule, type LinkRules } from '../untrusted/index.ts';

/** A root as somebody asked for it. */
export interface RootRequest {
  readonly path: string;
  /** Given by `NAME=PATH` or in the configuration; else the last part of the path. */
  readonly name?: string;
  /** Default: as for all roots. */
  readonly links?: LinkRule;
}

/** A root as it is mirrored. */
export interface ResolvedRoot {
  readonly name: string;
  /** Its real path. */
  readonly path: string;
  /** Only runs at or below this directory, relative to the root; empty for all. */
  readonly below: string;
  /** Which links below it are followed. */
  readonly links: LinkRule;
  /** Somebody named it on purpose. */
  readonly isNamed: boolean;
}

/** A root of which runs are held already, and where it lay last. */
interface KnownRoot {
  readonly name: string;
  readonly path: string;
}

/**
 * Checks the roots of one command, among themselves and against those already mirrored: every run has one name, so roots
 * neither share names nor lie in each other. A directory below a known root is that root, narrowed. `silent`: paths that are
 * taken as they are written, since nobody can look at them.
 */
export function resolveRoots(
  requests: readonly RootRequest[],
  known: readonly KnownRoot[],
  linksOf: LinkRules = () => DEFAULT_LINKS,
  silent: ReadonlySet<string> = new Set(),
): ResolvedRoot[] {
  const resolved = requests.map((request) => resolveRoot(request, known, linksOf, silent.has(request.path)));
  for (const [i, a] of resolved.entries()) {
    for (const b of resolved.slice(0, i)) {
      const [pathA, pathB] = [fullPath(a), fullPath(b)];
      if (isWithin(pathA, pathB) || isWithin(pathB, pathA)) {
        const [inner, outer] = isWithin(pathA, pathB) ? [pathA, pathB] : [pathB, pathA];
        throw new MirrorError('MB2005', inner === outer ? `${inner} is given twice` : `${inner} lies in ${outer}, which is given too`, {
          hint: 'Give the outer directory alone: it includes the inner one.',
          context: { path: inner },
        });
      }
      if (a.name === b.name && a.path !== b.path) {
        throw new MirrorError('MB2004', `${b.path} and ${a.path} would both be called ${a.name}`, {
          hint: `Name one of them: ${a.name}-2=${a.path}`,
          context: { path: a.path, name: a.name },
        });
      }
    }
  }
  return resolved;
}

function resolveRoot(request: RootRequest, known: readonly KnownRoot[], linksOf: LinkRules, isSilent: boolean): ResolvedRoot {
  const path = isSilent ? resolve(request.path) : checkedPath(request.path);
  const links = request.links ?? linksOf(path);
  const own = request.name ?? (basename(resolve(request.path)) || 'root');
  for (const root of known) {
    if (path !== root.path && isWithin(root.path, path)) {
      throw new MirrorError('MB2006', `${path} contains ${root.path}, which is mirrored as ${root.name} already`, {
        hint: `Give the directories beside it one by one, or use another store for the whole: --store other.db`,
        context: { path, known: root.path },
      });
    }
    if (!isWithin(path, root.path)) continue;
    if (request.name !== undefined && request.name !== root.name) {
      throw new MirrorError('MB2005', `${path} is mirrored as ${root.name} already, and can't be ${request.name} too`, {
        hint: `Leave the name out, or write ${root.name}=${root.path}`,
        context: { path, name: root.name },
      });
    }
    return { name: root.name, path: root.path, below: relative(root.path, path).split(sep).join('/'), links, isNamed: true };
  }
  return { name: own, path, below: '', links, isNamed: request.name !== undefined };
}

function checkedPath(path: string): string {
  let real: string;
  try {
    // As somebody typed it, or as we show a path that is not UTF-8.
    real = nameOfBytes(realpathSync(existsSync(path) ? path : systemPath(path), { encoding: 'buffer' }));
    if (!statSync(systemPath(real)).isDirectory()) {
      throw new MirrorError('MB2002', `${path} is not a directory`, {
        hint: 'Give the directory that holds the event files; a single file can be looked at with: mirrorboard inspect FILE',
        context: { path },
      });
    }
    accessSync(systemPath(real), constants.R_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof MirrorError) throw error;
    const isMissing = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
    throw new MirrorError(
      isMissing ? 'MB2001' : 'MB2003',
      isMissing ? `there is no directory ${path}` : `reading ${path}: ${reasonOf(error)}`,
      {
        hint: isMissing ? 'Check the path; a relative one counts from the working directory.' : 'Check its permissions.',
        ...(isMissing ? {} : { cause: error }),
        context: { path },
      },
    );
  }
  return real;
}

function fullPath(root: ResolvedRoot): string {
  return root.below === '' ? root.path : `${root.path}${sep}${root.below.split('/').join(sep)}`;
}
