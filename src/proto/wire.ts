/** Finds fields in protobuf bytes that were decoded before and found sound: where a message lies, not what it means. */

/** The bytes of the last length-delimited field `number` in `bytes`; several ones of a message are joined, as protobuf merges them. */
export function messageField(bytes: Uint8Array, number: number): Uint8Array | undefined {
  const parts = lengthDelimited(bytes, number);
  if (parts.length < 2) return parts[0];
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Every length-delimited field `number` of a message, in order, as views. */
export function lengthDelimited(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let p = 0;
  const varint = (): number => {
    let x = 0;
    let unit = 1;
    for (;;) {
      const byte = bytes[p++];
      if (byte === undefined) throw new RangeError('a field ends beyond its message');
      x += (byte & 127) * unit;
      if (byte < 128) return x;
      unit *= 128;
    }
  };
  let depth = 0;
  while (p < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        varint();
        break;
      case 1:
        p += 8;
        break;
      case 2: {
        const length = varint();
        if (field === number && depth === 0) found.push(bytes.subarray(p, p + length));
        p += length;
        break;
      }
      case 3:
        depth++;
        break;
      case 4:
        depth--;
        break;
      case 5:
        p += 4;
        break;
      default:
        throw new RangeError(`a field has wire type ${key % 8}`);
    }
  }
  return found;
}
