import { capabilities } from '../../backend-kit/index.ts';
import type { Capabilities } from '../../contract/index.ts';

/**
 * Bytes of a value in a line of the history. Longer values are in files. A line may have nearly 10 MiB
 * (`defaultMaxFileLineBytes` in wandb's `core/internal/filestream/filestream.go`); the advice is below a megabyte per
 * value.
 */
export const VALUE_BYTES = 100_000;
/** Characters of a line after which a record continues in another one. */
export const LINE_LENGTH = 1_000_000;
/**
 * Characters of lines in one request. The SDK sends at most 10 MiB (`defaultMaxRequestSizeBytes` in
 * `core/internal/filestream/filestream.go`).
 */
export const REQUEST_LENGTH = 8_000_000;
/** Bins of a histogram in a row (`MAX_LENGTH` in `wandb/sdk/data_types/histogram.py`). */
export const HISTOGRAM_BINS = 512;
/** The most images of one point that are shown (`MAX_ITEMS` in `wandb/sdk/data_types/image.py`). */
export const SHOWN_IMAGES = 108;
/** The most rows of a table that is shown (`MAX_ROWS` in `wandb/sdk/data_types/table.py`). */
export const TABLE_ROWS = 10_000;
/** Names in one request for upload addresses. */
export const FILES_PER_REQUEST = 100;
/** Files on one page of a listing of a run's files. */
export const FILES_PAGE = 1000;
/** Runs on one page of a listing of a project's runs, each with its whole configuration. */
export const RUNS_PAGE = 100;
/** Uploads of files under way at the same time. */
export const UPLOADS_AT_ONCE = 8;
/** Runs that receive data at the same time. */
export const SENDS_AT_ONCE = 4;
/** The most characters of a project's name (`validate_project` in `wandb/sdk/wandb_settings.py`). */
export const PROJECT_LENGTH = 128;
/** The most characters of a run's tag (the check of tags in `wandb/sdk/wandb_settings.py`). */
export const TAG_LENGTH = 64;
/** The most characters of a run's name. */
export const NAME_LENGTH = 128;
/** Lines on one page of a history that is read back. */
export const HISTORY_PAGE = 5000;
/**
 * W&B shows a run as crashed if it has no heartbeat for some minutes. This is the SDK's interval
 * (`defaultHeartbeatInterval` in `core/internal/filestream/filestream.go`).
 */
export const HEARTBEAT_MS = 30_000;
/**
 * A summary that is not much shorter than its lines waits this long for the next one. The SDK uses the same interval
 * (`defaultTransmitInterval` in `core/internal/filestream/filestream.go`).
 */
export const SUMMARY_MS = 15_000;

/** Returns the capabilities of W&B. */
export function wandbCapabilities(gatherMs: number): Capabilities {
  return capabilities({
    name: 'wandb',
    holds: {
      scalars: 'native',
      histograms: 'native',
      images: 'native',
      audio: 'native',
      text: 'native',
      pr_curves: 'native',
      mesh: 'native',
      hparams: 'native',
      custom_scalars: 'native',
      other: 'artifact',
    },
    limits: { pointsPerSend: 50_000, bytesPerSend: 8 * 1024 * 1024, sendsAtOnce: SENDS_AT_ONCE, gatherMs },
    replacesByKey: false,
    needsJournal: true,
    features: ['visualization', 'collaboration', 'artifacts'],
  });
}
