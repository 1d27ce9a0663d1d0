import type { StoredMedia, StoredValue } from '../query/index.ts';
import type { TextForm, ValueForm } from './stored-forms.ts';

/** A part of a value: its bytes, or a file of the media folder. */
export type BlobPart = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'file'; readonly file: StoredMedia };

/** Names a part of a value. TensorBoard puts the key into an address as it is. */
export function blobKey(value: number, part: number): string {
  return `${value}-${part}`;
}

/** Reads a key; undefined if it is none. */
export function parseBlobKey(key: string): { readonly value: number; readonly part: number } | undefined {
  const match = /^(\d{1,15})-(\d{1,9})$/.exec(key);
  return match === null ? undefined : { value: Number(match[1]), part: Number(match[2]) };
}

/** Returns the parts of a value: of images, first their width and height. */
export function blobParts(stored: StoredValue): readonly TextForm[] {
  const { kind, value } = stored as unknown as ValueForm;
  switch (kind) {
    case 'images':
      return [String(value.width), String(value.height), ...value.images];
    case 'audio':
      return value.clips;
    case 'graph':
      return [value];
    case 'malformed':
      return value.tensor.strings ?? [];
    case 'tensor':
    case 'text':
      return value.strings ?? [];
    default:
      return [];
  }
}

/** Returns a part of a value; undefined if it has no such part. */
export function blobPart(stored: StoredValue, part: number): BlobPart | undefined {
  const found = blobParts(stored)[part];
  if (found === undefined) return undefined;
  if (typeof found === 'string') return { kind: 'bytes', bytes: Buffer.from(found) };
  if ('base64' in found) return { kind: 'bytes', bytes: Buffer.from(found.base64, 'base64') };
  const file = stored.media.find(({ sha256 }) => sha256 === found.sha256);
  return file === undefined ? undefined : { kind: 'file', file };
}
