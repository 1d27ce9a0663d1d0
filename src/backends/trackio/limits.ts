import { capabilities } from '../../backend-kit/index.ts';

const MEBI = 1024 * 1024;

/** The versions that the tests run against. */
export const VERIFIED_VERSIONS: readonly string[] = ['0.43.0'];
/** The version of the HTTP API that mirrorboard speaks (`HTTP_API_VERSION` in `trackio/remote_client.py`). */
export const API_VERSION = 1;
/** Rows of one answer to a query (`_QUERY_MAX_ROWS` in `trackio/sqlite_storage.py`). */
export const QUERY_ROWS = 10_000;
/** Length of the rows of one answer; a single row may exceed it. */
export const QUERY_BYTES = 4 * 1024 * 1024;
/** Length of the rows of one request: while the server stores them, the next ones are prepared. */
export const REQUEST_BYTES = 1024 * 1024;
/** Length of the rows that are prepared without a pause. */
export const PREPARED_BYTES = 256 * 1024;
/** Length of the files of one upload: the server reads it into its memory. */
export const UPLOAD_BYTES = 8 * 1024 * 1024;
/** Points of a row, and the seconds in which they were written: a row has one time. */
export const MOST_POINTS = 64;
/** See `MOST_POINTS`. */
export const SAME_MOMENT_SEC = 1;
/** Bytes of the file between the first and the last point of a row: where to look for rows that reach into a parcel. */
export const ROW_REACH = 32 * 1024;
/** How often rows are sent again as they are, after a send of which it is not sure what was stored. */
export const SAME_ROWS_AGAIN = 3;
/** Ranges of ids in one query: SQLite has a limit of columns. */
export const QUERY_RANGES = 200;
/** A longer exact value is in a file of its own: the dashboard loads all rows of a run at once. */
export const ROW_TEXT_BYTES = 64 * 1024;
/** Bins that Trackio's own histograms have at most (`trackio/histogram.py`), and rows of a table. */
export const MOST_SHOWN = 512;
/** The time in which a server imports what is in its inbox: it looks every 15 s by default. */
export const IMPORT_MS = 60_000;
/** The time between two looks whether a server has taken what is in its inbox: a listing of a folder. */
export const IMPORT_LOOK_MS = 50;

const SHOWN = {
  name: 'trackio',
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
  features: ['visualization', 'artifacts'],
} as const;

/**
 * The server handles one request at a time: more sends at once only hide the time on the way. A send has several
 * requests, so that the next one is prepared while the server stores the one before, and all are read back together.
 */
export const ONLINE = capabilities({
  ...SHOWN,
  limits: { pointsPerSend: 100_000, bytesPerSend: 4 * MEBI, bytesPerTurn: 4 * MEBI, sendsAtOnce: 4, gatherMs: 500 },
});
/** An import takes up to 15 s to begin, so that more sends wait at the same time. */
export const THROUGH_INBOX = capabilities({
  ...SHOWN,
  limits: { pointsPerSend: 100_000, bytesPerSend: 4 * MEBI, bytesPerTurn: 4 * MEBI, sendsAtOnce: 8, gatherMs: 2000 },
});
