import { mirrorboard as messages } from '../proto/messages.js';
import type { Json, JsonObject } from './value.ts';

/**
 * Converts hyperparameter and layout messages to protobuf's JSON form: leaves out fields that are unset or zero, and
 * names enum values.
 */

/**
 * Returns the plugin data of hparams (`HParamsPluginData` in `tensorboard/plugins/hparams/plugin_data.proto`) as
 * JSON. Throws if the bytes are not such a message.
 */
export function readHParams(content: Uint8Array): JsonObject {
  const data = messages.HParamsPluginData.decode(content);
  return compact({
    version: nonZero(data.version),
    experiment: data.experiment ? experiment(data.experiment) : undefined,
    session_start_info: data.session_start_info ? sessionStart(data.session_start_info) : undefined,
    session_end_info: data.session_end_info
      ? compact({
          status: enumName(messages.SessionStatus, data.session_end_info.status),
          end_time_secs: nonZero(data.session_end_info.end_time_secs),
        })
      : undefined,
  });
}

/** Returns the layout of custom scalars (`Layout`) as JSON. Throws if the bytes are not such a message. */
export function readLayout(content: Uint8Array): JsonObject {
  const layout = messages.Layout.decode(content);
  return compact({
    version: nonZero(layout.version),
    category: list(layout.category, (category) =>
      compact({
        title: nonEmpty(category.title),
        chart: list(category.chart, (chart) =>
          compact({
            title: nonEmpty(chart.title),
            multiline: chart.multiline ? compact({ tag: list(chart.multiline.tag, (tag) => tag) }) : undefined,
            margin: chart.margin
              ? compact({
                  series: list(chart.margin.series, (s) =>
                    compact({ value: nonEmpty(s.value), lower: nonEmpty(s.lower), upper: nonEmpty(s.upper) }),
                  ),
                })
              : undefined,
          }),
        ),
        closed: category.closed ? true : undefined,
      }),
    ),
  });
}

function experiment(data: messages.HParamsExperiment.$Properties): JsonObject {
  return compact({
    description: nonEmpty(data.description),
    user: nonEmpty(data.user),
    time_created_secs: nonZero(data.time_created_secs),
    hparam_infos: list(data.hparam_infos, (info) =>
      compact({
        name: nonEmpty(info.name),
        display_name: nonEmpty(info.display_name),
        description: nonEmpty(info.description),
        type: enumName(messages.HParamType, info.type),
        domain_discrete: info.domain_discrete ? listValue(info.domain_discrete) : undefined,
        domain_interval: info.domain_interval
          ? compact({ min_value: nonZero(info.domain_interval.min_value), max_value: nonZero(info.domain_interval.max_value) })
          : undefined,
        differs: info.differs ? true : undefined,
      }),
    ),
    metric_infos: list(data.metric_infos, (info) =>
      compact({
        name: info.name ? compact({ group: nonEmpty(info.name.group), tag: nonEmpty(info.name.tag) }) : undefined,
        display_name: nonEmpty(info.display_name),
        description: nonEmpty(info.description),
        dataset_type: enumName(messages.DatasetType, info.dataset_type),
      }),
    ),
    name: nonEmpty(data.name),
  });
}

function sessionStart(data: messages.SessionStartInfo.$Properties): JsonObject {
  const hparams = Object.entries(data.hparams ?? {});
  return compact({
    hparams: hparams.length > 0 ? fromEntries(hparams.map(([name, value]) => [name, dynamicValue(value)])) : undefined,
    model_uri: nonEmpty(data.model_uri),
    monitor_url: nonEmpty(data.monitor_url),
    group_name: nonEmpty(data.group_name),
    start_time_secs: nonZero(data.start_time_secs),
  });
}

function dynamicValue(value: messages.Value.$Properties): Json {
  if (value.struct_value) return fromEntries(Object.entries(value.struct_value.fields ?? {}).map(([k, v]) => [k, dynamicValue(v)]));
  if (value.list_value) return listValue(value.list_value);
  return value.string_value ?? value.number_value ?? value.bool_value ?? null;
}

function listValue(value: messages.ListValue.$Properties): Json {
  return (value.values ?? []).map(dynamicValue);
}

/** Returns an object whose keys come from a file: `__proto__` is a name like any other. */
function fromEntries(entries: readonly (readonly [string, Json])[]): JsonObject {
  const out: Record<string, Json> = Object.create(null);
  for (const [key, value] of entries) out[key] = value;
  return out;
}

function compact(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const out: Record<string, Json> = {};
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) out[key] = value;
  return out;
}

function list<T>(items: readonly T[] | null | undefined, map: (item: T) => Json): Json | undefined {
  return items && items.length > 0 ? items.map(map) : undefined;
}

function nonEmpty(text: string | null | undefined): string | undefined {
  return text ? text : undefined;
}

function nonZero(x: number | null | undefined): number | undefined {
  return x === null || x === undefined || Object.is(x, 0) ? undefined : x;
}

function enumName(names: object, value: number | null | undefined): Json | undefined {
  if (!value) return undefined;
  const found = Object.entries(names).find(([, number]) => number === value);
  return found?.[0] ?? value;
}
