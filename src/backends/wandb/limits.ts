import { capabilities } from '../../backend-kit/index.ts';
import type { Capabilities } from '../../contract/index.ts';

/**
 * Of a line of the history: the service takes ten times as much, its advice is below a megabyte a value. Longer
 * values are in files.
 */
export const VALUE_BYTES = 100_000;
/** Characters of a line after which a record continues in a further one. */
export const LINE_LENGTH = 1_000_000;
/** Characters of lines in one request: the service takes about ten megabytes. */
export const REQUEST_LENGTH = 8_000_000;
/** Bins of a histogram in a row. */
export const HISTOGRAM_BINS = 512;
/** Images of one point that are shown. */
export const SHOWN_IMAGES = 108;
/** Rows of a table that is shown. */
export const TABLE_ROWS = 10_000;
/** Names in one request for upload addresses. */
export const FILES_PER_REQUEST = 100;
/** Of a listing of a run's files. */
export const FILES_PAGE = 1000;
/** Of a listing of a project's runs, each with its whole configuration. */
export const RUNS_PAGE = 100;
/** Uploads of files under way at the same time. */
export const UPLOADS_AT_ONCE = 8;
/** Runs that are sent to at the same time. */
export const SENDS_AT_ONCE = 4;
/** Characters of a project's name. */
export const PROJECT_LENGTH = 128;
/** Characters of a tag. */
export const TAG_LENGTH = 64;
/** Characters of a run's name. */
export const NAME_LENGTH = 128;
/** Lines of one page of a history that is read back. */
export const HISTORY_PAGE = 5000;
/** A run without a sign of life for some minutes is shown as crashed. */
export const HEARTBEAT_MS = 30_000;
/** A summary that is not much shorter than the lines it goes with waits so long for the next one. */
export const SUMMARY_MS = 15_000;

/** What W&B holds, keeps and takes. */
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
