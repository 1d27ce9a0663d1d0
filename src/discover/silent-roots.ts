import { access, constants, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inTime } from '../calls/index.ts';
import { systemCode } from '../errors.ts';
import { isGone } from '../system-error.ts';
import type { RootRequest } from './roots.ts';
import type { UnseenRoots } from './unseen-roots.ts';

/**
 * Returns the paths of roots whose file system does not answer now. A thread that others need must not access them
 * again.
 */
export async function silentRoots(requests: readonly RootRequest[], deadlineMs?: number): Promise<ReadonlySet<string>> {
  const silent = new Set<string>();
  const look = async (path: string): Promise<void> => {
    // Resolving the root reports what else is wrong.
    if (systemCode(await whyShut(path, deadlineMs)) === 'MB2030') silent.add(path);
  };
  await Promise.all(requests.map(({ path }) => look(path)));
  return silent;
}

/**
 * Returns the roots that cannot be checked now, so that the others can continue. If there is only one root, or all
 * are gone, leaves out those that fail for another reason than silence, because the caller reports them; but not if
 * the caller waits for the roots (`isPatient`).
 */
export async function unseenRoots(
  requests: readonly RootRequest[],
  { isPatient = false, deadlineMs }: { readonly isPatient?: boolean; readonly deadlineMs?: number } = {},
): Promise<UnseenRoots> {
  const silent = new Set<string>();
  const shut = new Map<string, string>();
  let gone = 0;
  const look = async ({ path }: RootRequest): Promise<void> => {
    const error = await whyShut(path, deadlineMs);
    if (error === undefined) return;
    if (systemCode(error) === 'MB2030') {
      silent.add(path);
      return;
    }
    if (isGone(error)) gone++;
    shut.set(path, await placeOfShut(path, deadlineMs));
  };
  await Promise.all(requests.map(look));
  const isAllowed = isPatient || (gone < requests.length && requests.length > 1);
  const places = new Map([...silent].map((path) => [path, resolve(path)]));
  if (isAllowed) for (const [path, place] of shut) places.set(path, place);
  return { silent, places };
}

/** Returns the error that prevents checking a directory; undefined if there is none. */
async function whyShut(path: string, deadlineMs: number | undefined): Promise<unknown> {
  try {
    await inTime(
      path,
      async () => {
        // A path that is not a directory exists; it is wrong for another reason.
        if (!(await stat(await realpath(path))).isDirectory()) return;
        await access(path, constants.R_OK | constants.X_OK);
      },
      deadlineMs,
    );
    return undefined;
  } catch (error) {
    return error;
  }
}

const MOST_LINKS = 40;

/** Resolves the links of a path until one cannot be followed. */
async function placeOfShut(path: string, deadlineMs: number | undefined): Promise<string> {
  let place = resolve(path);
  const lookups = [
    () => realpath(place),
    async () => join(await realpath(dirname(place)), basename(place)),
    async () => resolve(dirname(place), await readlink(place)),
  ];
  for (let i = 0; i < MOST_LINKS; i++) {
    const before = place;
    for (const look of lookups) {
      try {
        place = await inTime(place, look, deadlineMs);
      } catch {
        // The target, or a directory above it, is out of reach.
      }
    }
    if (place === before) break;
  }
  return place;
}
