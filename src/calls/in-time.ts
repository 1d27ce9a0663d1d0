import { abandoned } from './abandoned-calls.ts';
import { FIRST_DEADLINE_MS, noAnswer } from './silence.ts';

/**
 * Returns the result of a call in Node's thread pool. If the call takes too long, the caller gives up (MB2030), but
 * the call keeps its thread until it returns. So only few calls may hang, because the whole process shares the pool.
 */
export async function inTime<Value>(path: string, work: () => Promise<Value>, deadlineMs = FIRST_DEADLINE_MS): Promise<Value> {
  if (held >= MOST_HELD) throw noAnswer(path);
  const late = Promise.withResolvers<never>();
  const token = {};
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    held++;
    abandoned.add(token);
    late.reject(noAnswer(path));
  }, deadlineMs);
  const working = work().finally(() => {
    clearTimeout(timer);
    if (!isLate) return;
    held--;
    abandoned.delete(token);
  });
  working.catch(() => undefined);
  return await Promise.race([working, late.promise]);
}

/** The number of threads in Node's pool that may hang at the same time: the others look up host names. */
const MOST_HELD = 3;
let held = 0;
