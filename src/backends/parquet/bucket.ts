import { ObjectStore, type ObjectStoreOptions } from '../../objects/index.ts';
import type { Place } from './place.ts';

/** A bucket of a server that speaks S3, or a prefix in it. */
export function bucketPlace(options: ObjectStoreOptions): Place {
  const store = new ObjectStore(options);
  return {
    address: options.url,
    probe: (signal) => store.probe(signal),
    putNew: (path, data, signal) => store.putNew(path, data, signal),
    put: async (path, content, signal) => void (await store.put(path, content, signal)),
    get: (path, signal) => store.getIfThere(path, signal),
    has: async (path, signal) => (await store.lengthOf(path, signal)) !== undefined,
    list: (below, signal) => store.list(below, signal),
    remove: (path, signal) => store.remove(path, signal),
    close: () => store.close(),
  };
}
