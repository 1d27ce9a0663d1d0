/** Works on all items, at most `most` at a time, and begins no new ones after the first failure. */
export async function each<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let isBroken = false;
  const one = async (): Promise<void> => {
    while (next < items.length && !isBroken) {
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const done = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, one));
  for (const result of done) if (result.status === 'rejected') throw result.reason;
}
