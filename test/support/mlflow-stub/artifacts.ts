// The artifact proxy over a store of files, here in memory.
import { posix } from 'node:path';
import { ApiError, invalid } from './wire.ts';

/** The server's own 500 for what its file system refuses; the connection ends with it. */
export class PlainServerError extends Error {}

export class ArtifactFiles {
  /** Contents by path below the artifact destination. */
  readonly files = new Map<string, Buffer>();

  put(path: string, content: Buffer): void {
    if (path.split('/').some((part) => Buffer.byteLength(part) > 255)) throw new PlainServerError('File name too long');
    const parents = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
    if (this.isFolder(path) || parents.some((parent) => this.files.has(parent))) throw new PlainServerError('Is a directory');
    this.files.set(path, content);
  }

  get(path: string): Buffer {
    const content = this.files.get(path);
    if (content === undefined) throw new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', `No such artifact: '${path}'`);
    return content;
  }

  isFolder(path: string): boolean {
    return [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
  }

  remove(path: string): void {
    for (const name of [...this.files.keys()]) if (name === path || name.startsWith(`${path}/`)) this.files.delete(name);
  }

  /**
   * One level below a folder; a file and a folder that is not there have nothing. `file_size` is absent for empty
   * files.
   */
  list(folder: string): { path: string; is_dir: boolean; file_size?: number }[] {
    const found = new Map<string, { path: string; is_dir: boolean; file_size?: number }>();
    const start = folder === '' ? '' : `${folder}/`;
    for (const [name, { length }] of this.files) {
      if (!name.startsWith(start)) continue;
      const [path = '', ...rest] = name.slice(start.length).split('/');
      const isFolder = rest.length > 0;
      found.set(path, { path, is_dir: isFolder, ...(isFolder || length === 0 ? {} : { file_size: length }) });
    }
    return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** The path of a request as the server understands it: it decodes until nothing changes. */
export function artifactPath(raw: string, complain: (violation: string) => void): string {
  let path = raw;
  for (let round = 0; ; round++) {
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      decoded = path;
    }
    if (decoded === path) break;
    if (round > 0) complain(`an artifact path with % in a name: ${raw}`);
    path = decoded;
  }
  if (path.includes('#') || path.includes('\u0000') || path.startsWith('/')) throw invalid('Invalid path');
  if (path.split('/').includes('..') || path.includes('\\')) {
    complain(`an artifact path that leads elsewhere: ${raw}`);
    throw invalid('Invalid path');
  }
  return posix.normalize(path);
}
