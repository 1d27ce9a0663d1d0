import { capabilities } from '../../backend-kit/index.ts';
import type { Capabilities, Holding } from '../../contract/index.ts';

/**
 * Metrics of one `log-batch`. The server refuses a larger request as a whole. The limits of requests, keys, params and
 * names of experiments are those of `mlflow/utils/validation.py`; this one is `MAX_METRICS_PER_BATCH`.
 */
export const METRICS_PER_REQUEST = 1000;
/** Params of one `log-batch` (`MAX_PARAMS_TAGS_PER_BATCH`). */
export const PARAMS_PER_REQUEST = 100;
/** Tags of one `log-batch` (`MAX_PARAMS_TAGS_PER_BATCH`). */
export const TAGS_PER_REQUEST = 100;
/**
 * Bytes of one request. The limit is a million (`MAX_BATCH_LOG_REQUEST_SIZE`), and hosted services keep to it. Files
 * of exact points keep to it too, for proxies with limits of their own.
 */
export const BYTES_PER_REQUEST = 900_000;

/**
 * Code points of a key (`MAX_ENTITY_KEY_LENGTH`). The server refuses longer keys. It cuts longer values and reports
 * that only in its own log (`MLFLOW_TRUNCATE_LONG_VALUES`), so mirrorboard cuts them here.
 */
export const KEY_LENGTH = 250;
/** Characters of a param's value (`MAX_PARAM_VAL_LENGTH`); older versions allow fewer. */
export const PARAM_LENGTH = 6000;
/** Characters of a tag's value (`MAX_TAG_VAL_LENGTH`; 5000 in older versions). */
export const TAG_LENGTH = 8000;
/** Characters of a run's name (`SqlRun.name` in `mlflow/store/tracking/dbmodels/models.py`). */
export const NAME_LENGTH = 250;
/** Characters of an experiment's name (`MAX_EXPERIMENT_NAME_LENGTH`). */
export const EXPERIMENT_NAME_LENGTH = 500;

/**
 * Points per page of a metric's history. The server returns no more (`GET_METRIC_HISTORY_MAX_RESULTS` in
 * `mlflow/store/tracking/__init__.py`).
 */
export const HISTORY_PAGE = 25_000;

/** The limits in which services that host MLflow differ from the open-source server. */
export interface Quotas {
  /** Metrics of one `log-batch`. */
  readonly metricsPerRequest: number;
  /** Names of metrics in a run. */
  readonly namesPerRun: number;
  /** Points per page of a metric's history. */
  readonly historyPage: number;
}

/** The limits of the open-source server. */
export const USUAL_QUOTAS: Quotas = {
  metricsPerRequest: METRICS_PER_REQUEST,
  namesPerRun: Number.POSITIVE_INFINITY,
  historyPage: HISTORY_PAGE,
};

/**
 * The limits of Azure ML (https://learn.microsoft.com/azure/machine-learning/resource-limits-capacity): 50 names in a
 * run, of which one is kept free for a point that shows that the service accepts any; 250 metrics of a request, of
 * which versions before took 200 (https://github.com/mlflow/mlflow/issues/2441); pages below 1000 points
 * (https://github.com/mlflow/mlflow/issues/10694).
 */
export const AZURE_ML_QUOTAS: Quotas = { metricsPerRequest: 200, namesPerRun: 49, historyPage: 999 };

/** Runs per page when searching for those of a key: usually there is one. */
export const RUNS_PAGE = 100;
/**
 * Versions per page when listing versions of models (`SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT` in
 * `mlflow/store/model_registry/__init__.py`).
 */
export const VERSIONS_PAGE = 1000;

/** Requests of all runs under way at a time. More gain nothing: the database has one writer. */
export const REQUESTS_AT_ONCE = 4;
/** Artifacts of one send under way at a time. */
export const UPLOADS_AT_ONCE = 8;

/**
 * Returns what MLflow holds, by whether artifacts can be stored and what the server keeps its data in (undefined:
 * unknown).
 */
export function mlflowCapabilities(hasArtifacts: boolean, isFileStore: boolean | undefined, exactTimes: boolean): Capabilities {
  const other: Holding = hasArtifacts ? 'artifact' : 'none';
  return capabilities({
    name: 'mlflow',
    holds: {
      scalars: 'native',
      images: hasArtifacts ? 'native' : 'none',
      hparams: hasArtifacts ? 'native' : 'none',
      other: other,
    },
    limits: { bytesPerSend: 8 * 1024 * 1024, sendsAtOnce: REQUESTS_AT_ONCE, gatherMs: 1000 },
    // A file store keeps every copy of a point. mirrorboard looks before it sends again, but a look is not a key: it
    // does not see requests under way.
    replacesByKey: isFileStore === false,
    keeps: {
      wallTime: exactTimes && hasArtifacts,
      // A database holds the largest number instead of infinities, and every number as a double.
      infinities: hasArtifacts || isFileStore === true,
      wideIntegers: hasArtifacts,
      negativeZero: hasArtifacts,
      equalPoints: false,
    },
    features: hasArtifacts ? ['artifacts', 'registry'] : ['registry'],
  });
}
