import type { Tensor } from './tensor.ts';

/**
 * The element types in NumPy's notation (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 * Others (bfloat16) have no name there.
 */
const DESCR: Readonly<Record<string, string>> = {
  float: '<f4',
  double: '<f8',
  half: '<f2',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  bool: '|b1',
  complex64: '<c8',
  complex128: '<c16',
};

/** Returns a tensor as a NumPy file, with its bytes unchanged; undefined if NumPy has no such type. */
export function npyOf({ dtype, shape, bytes }: Tensor): Uint8Array | undefined {
  const descr = DESCR[dtype];
  if (descr === undefined || bytes === undefined) return undefined;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Ten bytes precede this text; the data begins at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10 + length, ' ');
  head.write('\x93NUMPY\x01\x00', 0, 'latin1');
  head.writeUInt16LE(length, 8);
  head.write(text, 10, 'latin1');
  head[head.length - 1] = 10;
  return Buffer.concat([head, bytes]);
}
