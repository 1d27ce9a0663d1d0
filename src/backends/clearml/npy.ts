/** NumPy's file format, version 1: a header that says type and shape, then the elements as they are. */
import type { Tensor } from '../../model/index.ts';

/** Types of elements that NumPy knows, little-endian. */
const DESCR: Readonly<Record<string, string>> = {
  float: '<f4',
  double: '<f8',
  half: '<f2',
  int8: '|i1',
  uint8: '|u1',
  int16: '<i2',
  uint16: '<u2',
  int32: '<i4',
  uint32: '<u4',
  int64: '<i8',
  uint64: '<u8',
  bool: '|b1',
  complex64: '<c8',
  complex128: '<c16',
};

const ALIGNMENT = 64;

/** A tensor as a `.npy` file; undefined for types that NumPy has not. */
export function npyOf({ dtype, shape, bytes }: Tensor): Uint8Array | undefined {
  const descr = DESCR[dtype];
  if (descr === undefined || bytes === undefined) return undefined;
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const before = 10 + dict.length + 1;
  const padded = `${dict}${' '.repeat((ALIGNMENT - (before % ALIGNMENT)) % ALIGNMENT)}\n`;
  // Version 1 counts the header in 16 bits: no shape is that long.
  if (padded.length > 0xffff) return undefined;
  const head = Buffer.alloc(10);
  head.write('\u0093NUMPY\u0001\u0000', 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), bytes]);
}
