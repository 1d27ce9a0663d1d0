import { access, constants, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inTime } from '../calls/index.ts';
import { systemCode } from '../errors.ts';
import { isGone } from '../system-error.ts';
import type { RootRequest } from './roots.ts';
import type { UnseenRoots } from './unseen-roots.ts';

/**
 * Paths of roots whose file system does not answer now: they are not to be asked again in a thread that others need.
 */
export async function silentRoots(requests: readonly RootRequest[], deadlineMs?: number): Promise<ReadonlySet<string>> {
  const silent = new Set<string>();
  const look = async (path: string): Promise<void> => {
    // Its resolution reports what else is wrong.
    if (systemCode(await whyShut(path, deadlineMs)) === 'MB2030') silent.add(path);
  };
  await Promise.all(requests.map(({ path }) => look(path)));
  return silent;
}

/**
 * Roots that cannot be checked now, so that the others can continue. What cannot be checked for another reason than
 * silence is left out where nothing else is asked for: a single root that cannot be read is for its caller to say.
 * `isPatient`: the caller waits for it.
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

/** Why a directory cannot be checked; undefined if it can. */
async function whyShut(path: string, deadlineMs: number | undefined): Promise<unknown> {
  try {
    await inTime(
      path,
      async () => {
        // What is no directory is there, and wrong for another reason.
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

/** A path without links, as far as they can be followed. */
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
        // What it leads to, or what is above it, is out of reach.
      }
    }
    if (place === before) break;
  }
  return place;
}
