// Lists are made once for a version of the store, also for requests that come at the same time.
import { expect, it } from '@jest/globals';
import { ListCache } from '../../../src/tensorboard/list-cache.ts';

const list = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

/** Makes lists when told to, and counts them. */
class Maker {
  readonly made: PromiseWithResolvers<Uint8Array>[] = [];
  readonly make = (): Promise<Uint8Array> => {
    const next = Promise.withResolvers<Uint8Array>();
    this.made.push(next);
    return next.promise;
  };
}

it('makes a list once for requests at the same time, and keeps it', async () => {
  const [cache, maker] = [new ListCache(), new Maker()];
  const both = [cache.get('1', 'a', maker.make), cache.get('1', 'a', maker.make)];
  const other = cache.get('1', 'b', maker.make);
  expect(maker.made).toHaveLength(2);
  maker.made[0]?.resolve(list(1));
  maker.made[1]?.resolve(list(2));
  expect(await Promise.all([...both, other])).toEqual([list(1), list(1), list(2)]);
  expect(await cache.get('1', 'a', maker.make)).toEqual(list(1));
  expect(maker.made).toHaveLength(2);
});

it('makes it again for another version, also while the former one is being made', async () => {
  const [cache, maker] = [new ListCache(), new Maker()];
  const former = cache.get('1', 'a', maker.make);
  const newer = cache.get('2', 'a', maker.make);
  const again = cache.get('2', 'a', maker.make);
  expect(maker.made).toHaveLength(2);
  maker.made[0]?.resolve(list(1));
  expect(await former).toEqual(list(1));
  const third = cache.get('2', 'a', maker.make);
  maker.made[1]?.resolve(list(2));
  expect(await Promise.all([newer, again, third])).toEqual([list(2), list(2), list(2)]);
  expect(maker.made).toHaveLength(2);
});

it('tells all who wait of a failure, and tries again', async () => {
  const [cache, maker] = [new ListCache(), new Maker()];
  const both = [cache.get('1', 'a', maker.make), cache.get('1', 'a', maker.make)];
  maker.made[0]?.reject(new Error('no store'));
  for (const one of both) await expect(one).rejects.toThrow('no store');
  const next = cache.get('1', 'a', maker.make);
  maker.made[1]?.resolve(list(3));
  expect(await next).toEqual(list(3));
});
