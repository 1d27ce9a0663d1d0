import type { Capabilities, Holding, Limits } from '../contract/index.ts';

/**
 * The kinds that TensorBoard's own plugins write, by plugin name. `holds` of a backend has each of them, and `other`.
 */
const KINDS = ['scalars', 'histograms', 'images', 'audio', 'text', 'pr_curves', 'mesh', 'hparams', 'custom_scalars', 'graphs'] as const;

/** A kind of points, by plugin name. `other` is every tensor and plugin without its own name here. */
export type PointKind = (typeof KINDS)[number] | 'other';

/** The capabilities that a backend declares; `capabilities` fills in the default of each field that it leaves out. */
export interface Announced extends Partial<Omit<Capabilities, 'name' | 'holds' | 'limits' | 'keeps'>> {
  readonly name: string;
  /** The kinds that the backend holds. A kind that is left out is held like `other`; `other` is `none` by default. */
  readonly holds: Readonly<Partial<Record<PointKind, Holding>>>;
  /** Default: 10,000 points and 4 MiB per send, one run per send, one send at a time. */
  readonly limits?: Partial<Limits>;
  /**
   * The properties of points that the tracker keeps or loses. By default it keeps everything, and `verify` counts
   * each difference.
   */
  readonly keeps?: Partial<Capabilities['keeps']>;
}

const LIMITS: Limits = { pointsPerSend: 10_000, bytesPerSend: 4 * 1024 * 1024, runsPerSend: 1 };
const KEEPS: Capabilities['keeps'] = {
  step: true,
  wallTime: true,
  nan: true,
  negativeZero: true,
  repeatedSteps: true,
  equalPoints: true,
};

/**
 * Returns the capabilities of a backend, with a default for each field that it leaves out: a tracker that replaces by
 * key, keeps every bit, can be read back in full, has no bound on series or points, and needs no journal. A field
 * that a later version adds gets a default that changes nothing for backends that do not know it.
 */
export function capabilities({ holds, limits, keeps, ...rest }: Announced): Capabilities {
  const { other = 'none' } = holds;
  return {
    replacesByKey: true,
    caps: {},
    readBack: 'full',
    ownsPosition: false,
    needsJournal: false,
    ...rest,
    holds: { ...Object.fromEntries(KINDS.map((kind) => [kind, holds[kind] ?? other])), other },
    limits: { ...LIMITS, ...limits },
    keeps: { ...KEEPS, ...keeps },
  };
}
