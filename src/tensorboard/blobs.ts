import { createHash } from 'node:crypto';
import type { StoredValue } from '../query/index.ts';
import type { TextForm, ValueForm } from './stored-forms.ts';

/** A part of a value: its bytes, or the hash of a file of the media folder. */
type BlobPart = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'file'; readonly sha256: string };

/**
 * What a key names: a file of the media folder, or a part of a value with the beginning of its hash. Stores use the
 * number of a value again, after they were rebuilt: the hash tells if it is still the same part.
 */
export type BlobName =
  | { readonly kind: 'file'; readonly sha256: string }
  | { readonly kind: 'part'; readonly value: number; readonly part: number; readonly hash: string };

/** Reads a key; undefined if it is none. */
export function parseBlobKey(key: string): BlobName | undefined {
  const [, sha256, value, part, hash = ''] = /^(?:([0-9a-f]{64})|(\d{1,15})-(\d{1,9})-([0-9a-f]{32}))$/.exec(key) ?? [];
  if (sha256 !== undefined) return { kind: 'file', sha256 };
  return value === undefined ? undefined : { kind: 'part', value: Number(value), part: Number(part), hash };
}

/** Returns the keys of the parts of a value. TensorBoard puts them into addresses as they are. */
export function blobKeys(stored: StoredValue): string[] {
  return blobParts(stored).map((form, i) => {
    const part = partOf(form);
    return part.kind === 'file' ? part.sha256 : `${stored.id}-${i}-${hashOf(part.bytes)}`;
  });
}

/** Returns the bytes of a part of a value; undefined if the value has no such part. */
export function blobBytes(stored: StoredValue, { part, hash }: Extract<BlobName, { kind: 'part' }>): Uint8Array | undefined {
  const form = blobParts(stored)[part];
  const found = form === undefined ? undefined : partOf(form);
  return found?.kind === 'bytes' && hashOf(found.bytes) === hash ? found.bytes : undefined;
}

/** Returns the parts of a value: of images, first their width and height. */
function blobParts(stored: StoredValue): readonly TextForm[] {
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

function partOf(form: TextForm): BlobPart {
  if (typeof form === 'string') return { kind: 'bytes', bytes: Buffer.from(form) };
  if ('base64' in form) return { kind: 'bytes', bytes: Buffer.from(form.base64, 'base64') };
  return { kind: 'file', sha256: form.sha256 };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
