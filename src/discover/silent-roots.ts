import { access, constants, realpath, stat } from 'node:fs/promises';
import { inTime } from '../calls/index.ts';
import { systemCode } from '../errors.ts';
import type { RootRequest } from './roots.ts';

/** Paths of roots whose file system does not answer now: they are not to be asked again in a thread that others need. */
export async function silentRoots(requests: readonly RootRequest[], deadlineMs?: number): Promise<ReadonlySet<string>> {
  const silent = new Set<string>();
  const look = async (path: string): Promise<void> => {
    try {
      await inTime(
        path,
        async () => {
          await stat(await realpath(path));
          await access(path, constants.R_OK | constants.X_OK);
        },
        deadlineMs,
      );
    } catch (error) {
      if (systemCode(error) === 'MB2030') silent.add(path); // whoever resolves it says what else is wrong
    }
  };
  await Promise.all(requests.map(({ path }) => look(path)));
  return silent;
}
