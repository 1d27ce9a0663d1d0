import { behind } from './left-behind.ts';
import { FIRST_DEADLINE_MS, noAnswer } from './silence.ts';

/**
 * What a call of Node's thread pool brings. Where it takes too long nobody waits for it any more (MB2030), and it
 * keeps its thread until it comes back: only few may, since all of the process share them.
 */
export async function inTime<Value>(path: string, work: () => Promise<Value>, deadlineMs = FIRST_DEADLINE_MS): Promise<Value> {
  if (held >= MOST_HELD) throw noAnswer(path);
  const late = Promise.withResolvers<never>();
  const token = {};
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    held++;
    behind.add(token);
    late.reject(noAnswer(path));
  }, deadlineMs);
  const working = work().finally(() => {
    clearTimeout(timer);
    if (!isLate) return;
    held--;
    behind.delete(token);
  });
  working.catch(() => undefined);
  return await Promise.race([working, late.promise]);
}

/** Threads of Node's pool that may hang at the same time: names of hosts are looked up in the others. */
const MOST_HELD = 3;
let held = 0;
