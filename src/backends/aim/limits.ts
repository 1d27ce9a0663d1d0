import { capabilities } from '../../backend-kit/index.ts';

/** Servers since this version speak HTTP; the next major one is not known. */
export const LEAST_VERSION = [3, 19] as const;
/** Servers of this major version or above are refused. */
export const MAJOR_BELOW = 4;
/** What all sample logs were mirrored into and compared with; the tests run against the last. */
export const VERIFIED_VERSIONS: readonly string[] = ['3.19.3', '3.22.0', '3.25.1', '3.27.0', '3.29.1'];

/**
 * The server copies the rest of a frame for every record in it (`unpack_args` in `aim/ext/transport/message_utils.py`),
 * so its time grows with the square of a frame's length.
 */
export const FRAME_BYTES = 48 * 1024;
/**
 * Frames under way at a time, over the whole server: while it applies one it answers nothing else, not even a
 * heartbeat, because it does so in its event loop (`run_write_instructions` in `aim/ext/transport/tracking.py`).
 */
export const FRAMES_AT_ONCE = 3;
/** A frame that is not answered for so long is given up, and the connection with it. */
export const FRAME_MS = 60_000;
/** Reading a column of a million points takes the server its time. */
export const READ_MS = 600_000;
/**
 * The server forgets a client without a heartbeat for five minutes (`CLIENT_KEEP_ALIVE_TIME_DEFAULT` of
 * `HeartbeatWatcher` in `aim/ext/transport/heartbeat.py`; it was half an hour before servers spoke HTTP). This is the
 * interval of Aim's own client (`HEARTBEAT_INTERVAL_DEFAULT` in the same file).
 */
export const HEARTBEAT_MS = 10_000;
/** Largest value of one point. */
export const VALUE_BYTES = 64 * 1024 * 1024;
/** Runs open at a time by default: each costs the server some thirteen file descriptors. */
export const OPEN_RUNS = 16;
/** Points of series with repeated steps that are kept in memory between two sends, over all runs: some 20 MB. */
export const LOADED_POINTS = 100_000;
/** Points that each of these series keeps if all have more: the steps at hand are most often among the last. */
export const RECENT_POINTS = 256;
/** To ask for one cell takes the server as long as to list so many in a column. */
export const LOOK_COST = 8;
/** Buckets of a distribution as Aim shows it. */
export const MOST_BINS = 512;
/** How long to wait for another process to release a run. */
export const LOCKED_MS = 10_000;

/** What Aim holds, keeps and takes. */
export const CAPABILITIES = capabilities({
  name: 'aim',
  holds: {
    scalars: 'native',
    histograms: 'native',
    images: 'native',
    audio: 'native',
    text: 'native',
    hparams: 'native',
    other: 'artifact',
  },
  limits: { sendsAtOnce: 4, gatherMs: 1000 },
  // Aim shows one point per step; the others are stored in the same sequence and read back.
  keeps: { equalPoints: false },
  features: ['visualization'],
});
