/**
 * Graphs as text: MLflow's viewer shows protobuf's text form, and nothing of its bytes. For people only; the bytes are stored as they were.
 * Fields are written in their order on the wire, those without a name here by their number.
 */

import { DTYPES, type Fields, GRAPH, type Kind, RUN_METADATA } from './graph-fields.ts';

/** Longer graphs stay without a text: nobody reads it, and it is several times as long as they are. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The text of a graph, by the plugin it came with; undefined where it is none, is too long, or its bytes are not sound. */
export function graphText(plugin: string, bytes: Uint8Array): string | undefined {
  const fields = plugin === 'graphs' ? GRAPH : /^graph_(?:tagged_)?run_metadata/.test(plugin) ? RUN_METADATA : undefined;
  if (fields === undefined || bytes.length === 0 || bytes.length > MOST_BYTES) return undefined;
  const lines: string[] = [];
  try {
    writeMessage(new Wire(bytes), fields, '', lines);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return lines.join('');
}

function writeMessage(wire: Wire, fields: Fields, indent: string, lines: string[]): void {
  while (!wire.isAtEnd) {
    const key = Number(wire.varint());
    if (key < 8) throw new RangeError('a field has no number');
    const [name, kind] = fields[Math.floor(key / 8)] ?? [String(Math.floor(key / 8)), undefined];
    const put = (text: string): void => void lines.push(`${indent}${name}: ${text}\n`);
    switch (key % 8) {
      case 0:
        put(varintText(wire.varint(), kind));
        break;
      case 1:
        put(kind === 'double' ? numberText(wire.view(8).getFloat64(0, true)) : String(wire.view(8).getBigUint64(0, true)));
        break;
      case 5:
        put(kind === 'float' ? numberText(wire.view(4).getFloat32(0, true)) : String(wire.view(4).getUint32(0, true)));
        break;
      case 2: {
        const part = wire.part();
        if (typeof kind === 'function') {
          lines.push(`${indent}${name} {\n`);
          writeMessage(part, kind(), `${indent}  `, lines);
          lines.push(`${indent}}\n`);
        } else if (kind === undefined) for (const line of unnamed(part.rest(), name, indent)) lines.push(line);
        else if (kind === 'string' || kind === 'bytes') put(quoted(part.rest(), kind === 'string'));
        else while (!part.isAtEnd) put(packedText(part, kind));
        break;
      }
      default:
        throw new RangeError(`a field has wire type ${key % 8}`);
    }
  }
}

/** What may be a message is shown as one, as everybody does it who does not know. */
function unnamed(bytes: Uint8Array, name: string, indent: string): readonly string[] {
  const inner: string[] = [];
  try {
    writeMessage(new Wire(bytes), {}, `${indent}  `, inner);
    if (inner.length > 0) return [`${indent}${name} {\n`, ...inner, `${indent}}\n`];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return [`${indent}${name}: ${quoted(bytes, false)}\n`];
}

function packedText(part: Wire, kind: Kind): string {
  if (kind === 'float') return numberText(part.view(4).getFloat32(0, true));
  if (kind === 'double') return numberText(part.view(8).getFloat64(0, true));
  return varintText(part.varint(), kind);
}

function varintText(value: bigint, kind: Kind | undefined): string {
  if (kind === 'bool') return value === 0n ? 'false' : 'true';
  if (kind === 'dtype') {
    // References have numbers of their own, a hundred higher.
    const number = Number(value);
    return (number > 100 ? `${DTYPES[number - 100]}_REF` : DTYPES[number]) ?? String(value);
  }
  return String(kind === 'int' ? BigInt.asIntN(64, value) : value);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** In quotes; bytes that are no plain ASCII as octal numbers, letters of other scripts as they are where they are known to be text. */
function quoted(bytes: Uint8Array, isText: boolean): string {
  let out = '"';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) out += `\\${String.fromCharCode(byte)}`;
    else if (byte === 0x0a) out += '\\n';
    else if (byte < 0x20 || byte === 0x7f || (byte > 0x7f && !isText)) out += `\\${byte.toString(8).padStart(3, '0')}`;
    else out += String.fromCharCode(byte);
  }
  return `${isText ? Buffer.from(out, 'latin1').toString('utf8') : out}"`;
}

/** Bytes of a message, read from the front. Throws a RangeError at a field that ends beyond them. */
class Wire {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number does not end');
  }

  view(length: number): DataView {
    const bytes = this.#take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  part(): Wire {
    return new Wire(this.#take(Number(this.varint())));
  }

  rest(): Uint8Array {
    return this.#take(this.#bytes.length - this.#at);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a field ends beyond its message');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
