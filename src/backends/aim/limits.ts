import { capabilities } from '../../backend-kit/index.ts';

/** The first version that speaks HTTP; the next major version is not known. */
export const LEAST_VERSION = [3, 19] as const;
/** The first major version that mirrorboard refuses. */
export const MAJOR_BELOW = 4;
/** The versions that all sample logs were mirrored into and compared with; the tests run against the last. */
export const VERIFIED_VERSIONS: readonly string[] = ['3.19.3', '3.22.0', '3.25.1', '3.27.0', '3.29.1'];

/**
 * The server copies the rest of a frame for every record in it (`unpack_args` in
 * `aim/ext/transport/message_utils.py`), so its time grows with the square of a frame's length.
 */
export const FRAME_BYTES = 48 * 1024;
/**
 * Frames under way at a time, over the whole server. While the server applies a frame it answers nothing else, not
 * even a heartbeat, because it does so in its event loop (`run_write_instructions` in
 * `aim/ext/transport/tracking.py`).
 */
export const FRAMES_AT_ONCE = 3;
/** After this time without an answer, mirrorboard gives up a frame and its connection. */
export const FRAME_MS = 60_000;
/** Reading a column of a million points takes the server a long time. */
export const READ_MS = 600_000;
/**
 * The server forgets a client after five minutes without a heartbeat (`CLIENT_KEEP_ALIVE_TIME_DEFAULT` of
 * `HeartbeatWatcher` in `aim/ext/transport/heartbeat.py`; half an hour before servers spoke HTTP). This is the
 * interval of Aim's own client (`HEARTBEAT_INTERVAL_DEFAULT` in the same file).
 */
export const HEARTBEAT_MS = 10_000;
/** Largest value of one point. */
export const VALUE_BYTES = 64 * 1024 * 1024;
/** The default number of open runs: each costs the server some thirteen file descriptors. */
export const OPEN_RUNS = 16;
/** Points of series with repeated steps that stay in memory between two sends, over all runs: some 20 MB. */
export const LOADED_POINTS = 100_000;
/** Points that each of these series keeps if all have more: the next steps are most often among the last. */
export const RECENT_POINTS = 256;
/** The number of cells in a column that the server lists in the time of one request for a single cell. */
export const LOOK_COST = 8;
/** Buckets of a distribution as Aim shows it (`aim/sdk/objects/distribution.py`). */
export const MOST_BINS = 512;
/** The longest wait for another process to release a run. */
export const LOCKED_MS = 10_000;

/** The capabilities of Aim. */
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
