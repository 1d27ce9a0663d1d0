// What a tracker is like: how it holds points, how it behaves at the moment, and what sets it apart.

/** How a tracker holds points. */
export type TrackerKind =
  /** The same point replaces itself, by where it came from. */
  | 'replacing'
  /** Points are lines in order; the same lines may come again. */
  | 'journalled'
  /** Points that are equal in tag, step, time and value are one. */
  | 'merging';

/** How a tracker behaves at the moment. */
export type Mood =
  | 'well'
  /** Nobody answers. */
  | 'down'
  /** Requests arrive, and nothing is ever answered. */
  | 'hanging'
  /** Requests arrive, are carried out, and nothing is answered. */
  | 'mute'
  /** Nobody is let in. */
  | 'denying'
  /** Every write is refused, good ones too. */
  | 'refusing'
  /** Every request is told to come back later. */
  | 'busy'
  /** Requests take long. */
  | 'slow';

/** What happens to one request. */
export type RequestFault = 'connectionLost' | 'answerLost' | 'partStored' | 'unavailable' | 'wrongPage';

/** What a tracker never takes. */
export type Refusing =
  | 'nothing'
  /** Points of one tag: it names each. */
  | 'tag'
  /** Some values: it refuses the whole request, and does not say why. */
  | 'values'
  /** Points of the tags that come after the first few of a run: it names each. */
  | 'furtherTags';

/** What sets a tracker apart. */
export interface Traits {
  /** What it accepted can only be read, or counted, so much later. */
  readonly lateMs: number;
  /** It refuses requests with more points. */
  readonly mostPoints: number;
  readonly refuses: Refusing;
  /** Lists come in pages of so many items. */
  readonly pageSize: number;
  /**
   * An old version: it gives no points back, keeps no files of a run, and nothing can be tried out. A run is known by
   * its key, and by the state that made it.
   */
  readonly isOld: boolean;
  /** Its backend waits for an answer as long as the connection lasts. */
  readonly hasNoTimeout: boolean;
}

const PLAIN: Traits = {
  lateMs: 0,
  mostPoints: Number.POSITIVE_INFINITY,
  refuses: 'nothing',
  pageSize: 1000,
  isOld: false,
  hasNoTimeout: false,
};

/** The traits of a tracker. */
export function traitsOf(traits: Partial<Traits> | undefined): Traits {
  return { ...PLAIN, ...traits };
}
