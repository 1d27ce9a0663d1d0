import { capabilities } from '../../backend-kit/index.ts';

/**
 * Events of one `events.add_batch`. The server indexes 500 at a time (`chunk_size` of `add_events` in
 * `apiserver/bll/event/event_bll.py`), and gains nothing above some thousands.
 */
export const EVENTS_PER_REQUEST = 1000;
/** Bytes of one batch of events. */
export const BYTES_PER_REQUEST = 4 * 1024 * 1024;
/** Longest plot that is sent as an event; a longer one is kept as a file. Servers take 15 MiB in one body. */
export const PLOT_BYTES = 3 * 1024 * 1024;

/**
 * UTF-8 bytes of a metric's or a variant's name. They are keywords of the server's Elasticsearch
 * (`apiserver/elastic/index_templates/events/component_templates/events_common.json`), which refuses terms of more than
 * 32,766 bytes (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ignore-above).
 */
export const NAME_BYTES = 32_000;
/**
 * The largest magnitude that a value may have: the store indexes a float32 (`value` in `events_common.json`, as above),
 * and refuses a whole event beyond it.
 */
export const MOST_VALUE = 3.4028234663852886e38;
/** Times are indexed as dates (`timestamp` in `events_common.json`, as above): not before 1970, nor after 9999. */
export const MOST_MILLIS = 253_402_300_799_999;
/**
 * A step that stands for a single value (`SINGLE_SCALAR_ITERATION` in `apiserver/bll/event/event_common.py`).
 */
export const RESERVED_STEP = -2147483648;

/** Params of one request. */
export const PARAMS_PER_REQUEST = 1000;
/** A document in the task (configuration) may be so long; the whole task must stay below 16 MB. */
export const DOCUMENT_BYTES = 1_000_000;
/** Listed artifacts of a task: each is in the task's document. Files beyond are kept too, and named by events. */
export const MOST_ARTIFACTS = 2000;

/** A page of tasks, a power of two; the server gives no more than 500. */
export const TASKS_PAGE = 256;
/**
 * A page of events; the server gives no more (`max_raw_scalars_size` in
 * `apiserver/config/default/services/events.conf`), but for a step that it does not split.
 */
export const EVENTS_PER_PAGE = 10_000;
/** Of plots, which may be long. */
export const PLOTS_PER_PAGE = 500;
/** A page that ends at a step holds so many events of it at most, also if there are more. */
export const EVENTS_OF_A_STEP = 10_000;
/** Names that one request may ask for: the store takes about a thousand conditions. */
export const METRICS_PER_FILTER = 500;

/** Requests to the API server under way at the same time. */
export const REQUESTS_AT_ONCE = 4;
/** Uploads of files under way at the same time. */
export const UPLOADS_AT_ONCE = 8;
/**
 * The server stops a task that gets nothing for two hours
 * (`non_responsive_tasks_watchdog.threshold_sec` in `apiserver/config/default/services/tasks.conf`).
 */
export const PING_MS = 15 * 60_000;

/** What ClearML holds, keeps and takes. */
export const CAPABILITIES = capabilities({
  name: 'clearml',
  holds: {
    scalars: 'native',
    histograms: 'native',
    images: 'native',
    audio: 'native',
    text: 'native',
    pr_curves: 'native',
    hparams: 'native',
    other: 'artifact',
  },
  limits: { bytesPerSend: 8 * 1024 * 1024, sendsAtOnce: REQUESTS_AT_ONCE, gatherMs: 1000 },
  features: ['collaboration', 'visualization', 'artifacts', 'registry'],
});
