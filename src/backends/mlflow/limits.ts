import { capabilities } from '../../backend-kit/index.ts';
import type { Capabilities, Holding } from '../../contract/index.ts';

/** Of one log-batch: the server refuses more, the whole request with them. */
export const METRICS_PER_REQUEST = 1000;
/** Params of one `log-batch` (REST API, request limits). */
export const PARAMS_PER_REQUEST = 100;
/** Tags of one `log-batch` (REST API, request limits). */
export const TAGS_PER_REQUEST = 100;
/**
 * The documented limit is a million; hosted services keep to it. Segments keep to it too, for proxies with limits of
 * their own.
 */
export const BYTES_PER_REQUEST = 900_000;

/** Code points. Longer keys are refused; longer values are cut by the server without a word, so they are cut here. */
export const KEY_LENGTH = 250;
/** Characters of a param's value. */
export const PARAM_LENGTH = 6000;
/** Characters of a tag's value. */
export const TAG_LENGTH = 8000;
/** Characters of the name of a metric, param or tag. */
export const NAME_LENGTH = 250;
/** Characters of an experiment's name. */
export const EXPERIMENT_NAME_LENGTH = 500;

/** A page of a metric's history: the server gives no more. */
export const HISTORY_PAGE = 25_000;

/** Runs per page when searching for those of a key: usually there is one. */
export const RUNS_PAGE = 100;
/** Of a listing of versions of models. */
export const VERSIONS_PAGE = 1000;

/** Requests under way at a time, of all runs: more gain nothing, the database has one writer. */
export const REQUESTS_AT_ONCE = 4;
/** Artifacts under way at a time, of one send. */
export const UPLOADS_AT_ONCE = 8;

/** What MLflow holds, once it is known whether artifacts can be stored and what the server keeps its data in. */
export function mlflowCapabilities(hasArtifacts: boolean, isFileStore: boolean | undefined, exactTimes: boolean): Capabilities {
  const beside: Holding = hasArtifacts ? 'artifact' : 'none';
  return capabilities({
    name: 'mlflow',
    holds: {
      scalars: 'native',
      images: hasArtifacts ? 'native' : 'none',
      hparams: hasArtifacts ? 'native' : 'none',
      other: beside,
    },
    limits: { bytesPerSend: 8 * 1024 * 1024, sendsAtOnce: REQUESTS_AT_ONCE, gatherMs: 1000 },
    // A file store keeps every copy of a point. We look before we send again, but that is not a key: what is under way
    // is not seen.
    replacesByKey: isFileStore === false,
    keeps: {
      wallTime: exactTimes && hasArtifacts,
      // A database holds the largest number in their place, and every number as a double.
      infinities: hasArtifacts || isFileStore === true,
      wideIntegers: hasArtifacts,
      negativeZero: hasArtifacts,
      equalPoints: false,
    },
    features: hasArtifacts ? ['artifacts', 'registry'] : ['registry'],
  });
}
