/** Bounds the bytes of the tensors of an answer, before they are read. Pure. */
import type { StoredValue } from '../query/index.ts';
import type { TextForm, ValueForm } from './stored-forms.ts';

/** Returns about how many bytes the tensor of a value has. */
export function tensorBytes(stored: StoredValue): number {
  const files = stored.media.reduce((sum, { bytes }) => sum + bytes, 0);
  const { kind, value } = stored as unknown as ValueForm;
  switch (kind) {
    case 'histogram':
      return value.buckets.length * 3 * Float64Array.BYTES_PER_ELEMENT;
    case 'pr_curve':
      return value.rows.reduce((sum, row) => sum + row.length * Float32Array.BYTES_PER_ELEMENT, 0);
    case 'text':
      return files + textBytes(value.strings);
    case 'tensor':
      // The bytes are in the value, or the file has them.
      return files + (value.values === undefined ? 0 : (value.bytes ?? 0)) + textBytes(value.strings ?? []);
    default:
      return files;
  }
}

function textBytes(strings: readonly TextForm[]): number {
  return strings.reduce((sum, text) => {
    if (typeof text === 'string') return sum + Buffer.byteLength(text);
    return sum + ('base64' in text ? Buffer.byteLength(text.base64, 'base64') : 0);
  }, 0);
}

/** Returns the largest size to which each of some sizes can be cut, so that they are at most `most` together. */
export function largestShare(sizes: readonly number[], most: number): number {
  let left = most;
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [i, size] of ascending.entries()) {
    const share = left / (ascending.length - i);
    if (size > share) return share;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}

/** Returns some of the values at equal distances, the last one among them, which have about `most` bytes together. */
export function withinBytes(values: readonly StoredValue[], most: number): readonly StoredValue[] {
  const total = totalBytes(values);
  if (total <= most) return values;
  const every = Math.ceil(total / most);
  return values.filter((_, i) => (values.length - 1 - i) % every === 0);
}

/** Returns about how many bytes the tensors of some values have. */
export function totalBytes(values: readonly StoredValue[]): number {
  return values.reduce((sum, value) => sum + tensorBytes(value), 0);
}
