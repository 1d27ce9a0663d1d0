import { capabilities } from '../../backend-kit/index.ts';

/** Rows of one INSERT; from 16 to 256, the whole backfill takes about as long (measured: docs/performance.md). */
export const ROWS_PER_INSERT = 64;

/** A segment with this many points is large enough to stay as it is. */
export const ENOUGH_POINTS = 4096;

/** Payloads of marks up to this size are in their row; longer ones are with the media. */
export const INLINE_PAYLOAD_BYTES = 65_536;

/** The store holds and keeps everything. */
export const CAPABILITIES = capabilities({
  name: 'local',
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
    graphs: 'native',
    other: 'native',
  },
  limits: { pointsPerSend: 262_144, bytesPerSend: 32 * 1024 * 1024, runsPerSend: 4096 },
  ownsPosition: true,
});
