import { dtypeNumber } from '../model/index.ts';
import type { StoredValue } from '../query/index.ts';
import { elementBytes } from './element-bytes.ts';
import { layoutMessage } from './layout-message.ts';
import type { Media } from './media.ts';
import { type NumberForm, numberOf, type TensorForm, type TextForm, type ValueForm } from './stored-forms.ts';
import { addBytes, addInt, addMessage, bytesOf, message, type Writer } from './wire.ts';

/** The content of a tensor: elements, or strings. */
type Content = Uint8Array | readonly Uint8Array[];

/** Returns the TensorProto message of a value, as TensorBoard expects it; undefined if a file of it is missing. */
export async function tensorMessage(plugin: string, stored: StoredValue, media: Media): Promise<Uint8Array | undefined> {
  // Everything that the plugin reads is in the metadata.
  if (plugin === 'hparams') return tensorProto('float', [0], Uint8Array.of());
  const { kind, value } = stored as unknown as ValueForm;
  switch (kind) {
    case 'histogram':
      return tensorProto('double', [value.buckets.length, 3], bytesOf(Float64Array.from(value.buckets.flat(), numberOf)));
    case 'pr_curve':
      return tensorProto('float', value.shape, bytesOf(Float32Array.from(value.rows.flat(), numberOf)));
    case 'text':
      return await stringTensor(value.shape, value.strings, stored, media);
    case 'layout':
      return tensorProto('string', [], [layoutMessage(value.layout)]);
    case 'tensor':
      return await ofTensor(value, stored, media);
    case 'malformed':
      // The bytes are those of the message that the writer put into the file.
      return stored.form === 'tensor' ? await media.read(stored, value.raw.sha256) : await ofTensor(value.tensor, stored, media);
    case 'images':
      return await stringTensor([value.images.length + 2], [String(value.width), String(value.height), ...value.images], stored, media);
    case 'audio':
      return await stringTensor([value.clips.length], value.clips, stored, media);
    case 'graph':
      return await stringTensor([1], [value], stored, media);
    case 'hparams':
      return tensorProto('float', [0], Uint8Array.of());
    default:
      return value satisfies never;
  }
}

async function ofTensor(tensor: TensorForm, stored: StoredValue, media: Media): Promise<Uint8Array | undefined> {
  const { dtype, shape, strings, bytes, values, sha256_le: hash, raw } = tensor;
  if (raw !== undefined && stored.form === 'tensor') return await media.read(stored, raw.sha256);
  if (strings !== undefined) return await stringTensor(shape, strings, stored, media);
  if (bytes === undefined || bytes === 0) return tensorProto(dtype, shape, Uint8Array.of());
  const content = values === undefined ? await fileOf(hash, stored, media) : elementBytes(dtype, values as readonly NumberForm[]);
  return content === undefined ? undefined : tensorProto(dtype, shape, content);
}

async function fileOf(hash: string | undefined, stored: StoredValue, media: Media): Promise<Uint8Array | undefined> {
  return hash === undefined ? undefined : await media.read(stored, hash);
}

async function stringTensor(
  shape: readonly number[],
  strings: readonly TextForm[],
  stored: StoredValue,
  media: Media,
): Promise<Uint8Array | undefined> {
  const content: Uint8Array[] = [];
  for (const text of strings) {
    const bytes = await textBytes(text, stored, media);
    if (bytes === undefined) return undefined;
    content.push(bytes);
  }
  return tensorProto('string', shape, content);
}

/** Returns the bytes of a string; undefined if its file is missing. */
export async function textBytes(text: TextForm, stored: StoredValue, media: Media): Promise<Uint8Array | undefined> {
  if (typeof text === 'string') return Buffer.from(text);
  return 'base64' in text ? Buffer.from(text.base64, 'base64') : await media.read(stored, text.sha256);
}

function tensorProto(dtype: string, shape: readonly number[], content: Content): Uint8Array {
  const tensor = addInt(message(), 1, dtypeNumber(dtype));
  addMessage(tensor, 2, (dimensions) => {
    for (const size of shape) addMessage(dimensions, 2, (dimension: Writer) => addInt(dimension, 1, size));
  });
  if (!(content instanceof Uint8Array)) for (const text of content) addBytes(tensor, 8, text);
  else if (content.length > 0) addBytes(tensor, 4, content);
  return tensor.finish();
}
