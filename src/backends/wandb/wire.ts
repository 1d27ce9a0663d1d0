/** Finds the fields of a message in protobuf's wire form. A backend knows the model alone, so this is its own few lines. */

/** Every length-delimited field with this number, in order, as views. */
export function lengthDelimited(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  visit(bytes, (field, value) => {
    if (field === number && typeof value !== 'number') found.push(value);
  });
  return found;
}

/** The number in a field; undefined where it is left out. */
export function varintIn(bytes: Uint8Array, number: number): number | undefined {
  let found: number | undefined;
  visit(bytes, (field, value) => {
    if (field === number && typeof value === 'number') found = value;
  });
  return found;
}

function visit(bytes: Uint8Array, see: (field: number, value: number | Uint8Array) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('a field ends beyond its message');
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key % 8;
    const field = Math.floor(key / 8);
    if (type === 0) see(field, varint());
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      see(field, bytes.subarray(at, at + length));
      at += length;
    } else throw new RangeError(`a field of the wire type ${type}`);
  }
}
