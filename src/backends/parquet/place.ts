import type { ObjectContent } from '../../objects/index.ts';

/** A file in a place. Paths have `/` and begin at the place. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
}

/** Where the files of a lane are: a folder or a bucket. A file appears completely or not at all. */
export interface Place {
  /** The place's name, without secrets. */
  readonly address: string;
  /** Checks that the place can be used. Writes nothing. */
  probe(signal: AbortSignal): Promise<void>;
  /** Stores a file under a name that none has. Returns false if one has it. */
  putNew(path: string, data: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** Stores a file; it replaces one of the same name. */
  put(path: string, content: ObjectContent, signal: AbortSignal): Promise<void>;
  /** Returns the content of a file; undefined if there is none. */
  get(path: string, signal: AbortSignal): Promise<Buffer | undefined>;
  has(path: string, signal: AbortSignal): Promise<boolean>;
  /** Lists all files below a path that ends with `/`. */
  list(below: string, signal: AbortSignal): Promise<readonly StoredFile[]>;
  /** Removes a file, if it exists. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Returns bytes as content to store. */
export function contentOf(data: Uint8Array): ObjectContent {
  return {
    bytes: data.length,
    async *read() {
      yield data;
    },
  };
}
