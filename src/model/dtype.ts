/** A number type of tensors, by its number on the wire (`DataType` in `tensorboard/compat/proto/types.proto`). */
export interface DType {
  readonly name: string;
  /** Bytes of an element in `tensor_content`; 0 for strings. */
  readonly width: number;
}

const DTYPES: Readonly<Record<number, DType>> = {
  1: { name: 'float', width: 4 },
  2: { name: 'double', width: 8 },
  3: { name: 'int32', width: 4 },
  4: { name: 'uint8', width: 1 },
  5: { name: 'int16', width: 2 },
  6: { name: 'int8', width: 1 },
  7: { name: 'string', width: 0 },
  8: { name: 'complex64', width: 8 },
  9: { name: 'int64', width: 8 },
  10: { name: 'bool', width: 1 },
  14: { name: 'bfloat16', width: 2 },
  17: { name: 'uint16', width: 2 },
  18: { name: 'complex128', width: 16 },
  19: { name: 'half', width: 2 },
  22: { name: 'uint32', width: 4 },
  23: { name: 'uint64', width: 8 },
};

const BY_NAME = new Map(Object.values(DTYPES).map((dtype) => [dtype.name, dtype]));

/** Returns the number type with a name (`float`). */
export function dtypeNamed(name: string): DType | undefined {
  return BY_NAME.get(name);
}

/** Returns the number type for TensorFlow's `DataType` number. */
export function dtypeOf(number: number): DType | undefined {
  return DTYPES[number];
}

/** Returns the name for TensorFlow's `DataType` number, even if mirrorboard does not know it. */
export function dtypeName(number: number): string {
  return DTYPES[number]?.name ?? (number === 0 ? 'invalid' : `dtype${number}`);
}

const NUMBERS = new Map(Object.entries(DTYPES).map(([number, { name }]) => [name, Number(number)]));

/** Returns TensorFlow's `DataType` number for the name of a number type; 0 (invalid) for an unknown name. */
export function dtypeNumber(name: string): number {
  return NUMBERS.get(name) ?? (Number(/^dtype(\d+)$/.exec(name)?.[1] ?? 0) || 0);
}
