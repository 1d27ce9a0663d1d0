// The values that describe a run instead of measuring it: hparams sessions and the layout of custom scalars.

import { tensor } from './tensors.ts';
import { type Meta, metadata, stringTensor, value, type WrittenValue } from './values.ts';
import { concat, field } from './wire.ts';

/** A hyperparameter; every number becomes a double on the wire. */
export type HparamValue = number | string | boolean;

/** True if the point has an empty float tensor next to its metadata, as TensorFlow writes it. Default false. */
export interface HparamsForm {
  readonly withTensor?: boolean;
}

/** The content of `_hparams_/experiment`. */
export interface HparamsExperiment {
  readonly name?: string;
  readonly description?: string;
  readonly user?: string;
  readonly createdSec?: number;
  readonly hparams?: readonly {
    readonly name: string;
    readonly displayName?: string;
    readonly description?: string;
    readonly type?: 'string' | 'bool' | 'float64';
    readonly discrete?: readonly HparamValue[];
    readonly interval?: readonly [min: number, max: number];
  }[];
  readonly metrics?: readonly {
    readonly tag: string;
    readonly group?: string;
    readonly displayName?: string;
    readonly description?: string;
    readonly dataset?: 'training' | 'validation';
  }[];
}

/** Returns `_hparams_/experiment`. */
export function hparamsExperiment(
  { name, description, user, createdSec, hparams = [], metrics = [] }: HparamsExperiment,
  form?: HparamsForm,
): WrittenValue {
  const infos = hparams.map((hparam) =>
    field(
      4,
      2,
      field(1, 2, hparam.name),
      ...text(2, hparam.displayName),
      ...text(3, hparam.description),
      ...(hparam.type ? [field(4, 0, { string: 1, bool: 2, float64: 3 }[hparam.type])] : []),
      ...(hparam.discrete ? [field(5, 2, '', ...hparam.discrete.map((x) => field(1, 2, protobufValue(x))))] : []),
      ...(hparam.interval ? [field(6, 2, field(1, 1, hparam.interval[0]), field(2, 1, hparam.interval[1]))] : []),
    ),
  );
  const metricInfos = metrics.map((metric) =>
    field(
      5,
      2,
      field(1, 2, '', ...text(1, metric.group), field(2, 2, metric.tag)),
      ...text(3, metric.displayName),
      ...text(4, metric.description),
      ...(metric.dataset ? [field(5, 0, { training: 1, validation: 2 }[metric.dataset])] : []),
    ),
  );
  const created = createdSec === undefined ? [] : [field(3, 1, createdSec)];
  return hparamsValue(
    'experiment',
    field(2, 2, '', ...text(1, description), ...text(2, user), ...created, ...infos, ...metricInfos, ...text(6, name)),
    form,
  );
}

/** Returns `_hparams_/session_start_info`. */
export function hparamsSessionStart(
  hparams: Readonly<Record<string, HparamValue>>,
  {
    groupName,
    startSec,
    modelUri,
    monitorUrl,
  }: { readonly groupName?: string; readonly startSec?: number; readonly modelUri?: string; readonly monitorUrl?: string } = {},
  form?: HparamsForm,
): WrittenValue {
  const entries = Object.entries(hparams).map(([key, x]) => field(1, 2, field(1, 2, key), field(2, 2, protobufValue(x))));
  const start = startSec === undefined ? [] : [field(5, 1, startSec)];
  return hparamsValue(
    'session_start_info',
    field(3, 2, '', ...entries, ...text(2, modelUri), ...text(3, monitorUrl), ...text(4, groupName), ...start),
    form,
  );
}

/** Returns `_hparams_/session_end_info`. */
export function hparamsSessionEnd(status: 'success' | 'failure' | 'running', endSec?: number, form?: HparamsForm): WrittenValue {
  const end = endSec === undefined ? [] : [field(2, 1, endSec)];
  return hparamsValue('session_end_info', field(4, 2, field(1, 0, { success: 1, failure: 2, running: 3 }[status]), ...end), form);
}

function hparamsValue(name: string, content: Uint8Array, { withTensor = false }: HparamsForm = {}): WrittenValue {
  const fields = withTensor ? [field(8, 2, tensor({ dtype: 'float', shape: [0], values: [], as: 'content' }))] : [];
  return value(`_hparams_/${name}`, fields, metadata({ plugin: 'hparams', content, dataClass: 'tensor' }));
}

/** Returns a google.protobuf.Value. */
function protobufValue(x: HparamValue): Uint8Array {
  if (typeof x === 'number') return field(2, 1, x);
  return typeof x === 'string' ? field(3, 2, x) : field(4, 0, x);
}

/** A chart of a custom scalars layout: several tags in one, or series with a margin. */
export type Chart =
  | { readonly title: string; readonly tags: readonly string[] }
  | { readonly title: string; readonly margins: readonly { readonly value: string; readonly lower: string; readonly upper: string }[] };

/** Returns the tag `custom_scalars__config__`. */
export function layout(
  categories: readonly { readonly title: string; readonly charts: readonly Chart[]; readonly closed?: boolean }[],
  meta: Meta = metadata({ plugin: 'custom_scalars', dataClass: 'tensor' }),
): WrittenValue {
  const message = concat(
    ...categories.map(({ title, charts, closed }) =>
      field(2, 2, field(1, 2, title), ...charts.map((chart) => field(2, 2, chartOf(chart))), ...(closed ? [field(3, 0, true)] : [])),
    ),
  );
  return stringTensor('custom_scalars__config__', [message], { shape: [], meta });
}

function chartOf(chart: Chart): Uint8Array {
  const content =
    'tags' in chart
      ? field(2, 2, '', ...chart.tags.map((tag) => field(1, 2, tag)))
      : field(
          3,
          2,
          '',
          ...chart.margins.map(({ value, lower, upper }) => field(1, 2, field(1, 2, value), field(2, 2, lower), field(3, 2, upper))),
        );
  return concat(field(1, 2, chart.title), content);
}

function text(no: number, x: string | undefined): Uint8Array[] {
  return x === undefined ? [] : [field(no, 2, x)];
}
