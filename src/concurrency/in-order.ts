/**
 * Works on all items, each with a worker of its own at that time, and yields the results in the order of the items.
 * At most `most` items are begun and not yielded. Begins no new ones after a failure.
 */
export async function* inOrder<Item, Worker, Result>(
  items: readonly Item[],
  workers: readonly Worker[],
  most: number,
  work: (item: Item, worker: Worker) => Promise<Result>,
): AsyncGenerator<Result, void, void> {
  const free = [...workers];
  const begun: Promise<Result>[] = [];
  let next = 0;
  let isEnded = false;
  const begin = (): void => {
    while (!isEnded && next < items.length && begun.length < most) {
      const worker = free.pop();
      if (worker === undefined) return;
      const result = work(items[next++] as Item, worker);
      const after = (): void => {
        free.push(worker);
        begin();
      };
      // Who awaits the result sees its failure; until then, it is not unhandled.
      result.then(after, () => {
        isEnded = true;
      });
      begun.push(result);
    }
  };
  try {
    for (;;) {
      begin();
      const result = begun.shift();
      if (result === undefined) return;
      yield await result;
    }
  } finally {
    isEnded = true;
  }
}
