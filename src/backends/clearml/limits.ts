import { capabilities } from '../../backend-kit/index.ts';

/**
 * Events of one `events.add_batch`. The server indexes 500 at a time (`chunk_size` of `add_events` in
 * `apiserver/bll/event/event_bll.py`), and gains nothing above some thousands.
 */
export const EVENTS_PER_REQUEST = 1000;
/** Bytes of one batch of events. */
export const BYTES_PER_REQUEST = 4 * 1024 * 1024;
/**
 * Bytes of the longest plot that is sent as an event; a longer one is stored as a file. The SDK sends at most
 * 15 MiB in one body (`max_req_size` in `clearml/backend_api/config/default/api.conf`).
 */
export const PLOT_BYTES = 3 * 1024 * 1024;

/**
 * UTF-8 bytes of a metric's or a variant's name. They are keywords of the server's Elasticsearch
 * (`apiserver/elastic/index_templates/events/component_templates/events_common.json`), which refuses terms of more than
 * 32,766 bytes (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ignore-above).
 */
export const NAME_BYTES = 32_000;
/**
 * The largest magnitude of a value: the store indexes a float32 (`value` in `events_common.json`, as above), and
 * refuses the whole event beyond it.
 */
export const MOST_VALUE = 3.4028234663852886e38;
/**
 * The latest time. The server indexes times as dates (`timestamp` in `events_common.json`, as above): not before
 * 1970, nor after 9999.
 */
export const MOST_MILLIS = 253_402_300_799_999;
/** The step that means a single value (`SINGLE_SCALAR_ITERATION` in `apiserver/bll/event/event_common.py`). */
export const RESERVED_STEP = -2147483648;

/** Params of one request. */
export const PARAMS_PER_REQUEST = 1000;
/** Most bytes of a document in the task (configuration); the whole task must stay below 16 MB. */
export const DOCUMENT_BYTES = 1_000_000;
/**
 * Most listed artifacts of a task: each is in the task's document. Files beyond that are stored too, and events name
 * them.
 */
export const MOST_ARTIFACTS = 2000;

/**
 * Tasks per page, a power of two. The server returns at most 500 (`max_page_size` in
 * `apiserver/config/default/services/_mongo.conf`).
 */
export const TASKS_PAGE = 256;
/**
 * Events per page. A server whose configuration does not set `max_raw_scalars_size` returns no more
 * (`apiserver/services/events.py`), except for a step that it does not split.
 */
export const EVENTS_PER_PAGE = 10_000;
/** Plots per page: they may be long. */
export const PLOTS_PER_PAGE = 500;
/**
 * Most events of a step on the page that ends with it, even if there are more (the second request in
 * `apiserver/bll/event/events_iterator.py`).
 */
export const EVENTS_OF_A_STEP = 10_000;
/** Most names in one request: the store accepts about a thousand conditions. */
export const METRICS_PER_FILTER = 500;

/** Requests to the API server under way at the same time. */
export const REQUESTS_AT_ONCE = 4;
/** Uploads of files under way at the same time. */
export const UPLOADS_AT_ONCE = 8;
/**
 * Milliseconds between two signs of life of a task. The server stops a task that gets nothing for two hours
 * (`non_responsive_tasks_watchdog.threshold_sec` in `apiserver/config/default/services/tasks.conf`).
 */
export const PING_MS = 15 * 60_000;

/** The features and limits of ClearML. */
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
