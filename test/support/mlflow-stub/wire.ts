// The JSON of the tracking server, both ways: numbers keep the digits they came with, and conversion goes wrong where
// the real one's does.

/** A number as it stands in a request. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** What the server answers instead of doing what it was asked. */
export class ApiError extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export function invalid(message: string): ApiError {
  return new ApiError(400, 'INVALID_PARAMETER_VALUE', message);
}

export function missing(message: string): ApiError {
  return new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', message);
}

/**
 * A field that is not what its type can hold: the real server keeps what it has read so far and drops the rest, with a
 * 200.
 */
export class ConversionError extends Error {}

/** Reads a body as Python does: bare NaN and infinities are no mistake for it. Undefined where it is no JSON. */
export function readJson(text: string): { readonly fields: Fields; readonly hasBareNumbers: boolean } | undefined {
  const read = (source: string): Fields => {
    const fields: unknown = JSON.parse(source, (_key, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value,
    );
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new SyntaxError('no object');
    return fields as Fields;
  };
  try {
    return { fields: read(text), hasBareNumbers: false };
  } catch {
    try {
      return { fields: read(text.replaceAll(/([:[,]\s*)(-?Infinity|NaN)\b/g, '$1"bare $2"')), hasBareNumbers: true };
    } catch {
      return undefined;
    }
  }
}

const LONG = 2n ** 63n;

export function int64(value: unknown): bigint {
  const text = value instanceof NumberText ? value.text : value;
  if (typeof text !== 'string') throw new ConversionError(`${typeof value} for an int64`);
  const integer = /^-?\d+$/.test(text)
    ? BigInt(text)
    : Number.isSafeInteger(Number(text)) && text.trim() !== ''
      ? BigInt(Number(text))
      : undefined;
  if (integer === undefined) throw new ConversionError(`${text} for an int64`);
  if (integer >= LONG || integer < -LONG) throw new ConversionError(`${text} is outside int64`);
  return integer;
}

export function double(value: unknown): number {
  if (value instanceof NumberText) {
    const number = Number(value.text);
    if (!Number.isFinite(number)) throw new ConversionError(`${value.text} for a double`);
    return number;
  }
  if (value === 'NaN') return NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  if (!Number.isFinite(number)) throw new ConversionError(`${JSON.stringify(value)} for a double`);
  return number;
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new ConversionError(`${typeof value} for a string`);
  return value;
}

/** The answer's text: integers of all 64 bits as digits, NaN and infinities as words, what is empty left out. */
export function writeJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
  if (Array.isArray(value)) return `[${value.map(writeJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, x]) => x !== undefined && !(Array.isArray(x) && x.length === 0));
  return `{${fields.map(([key, x]) => `${JSON.stringify(key)}: ${writeJson(x)}`).join(', ')}}`;
}
