/** Half-precision and bfloat16 numbers from their bit patterns; both fit a double exactly. */

const bits = new DataView(new ArrayBuffer(4));

export function halfToNumber(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >>> 10) & 31;
  const fraction = pattern & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export function bfloat16ToNumber(pattern: number): number {
  bits.setUint32(0, (pattern & 0xffff) << 16);
  return bits.getFloat32(0);
}
