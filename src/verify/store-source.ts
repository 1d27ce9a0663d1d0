/** The local store as a lane: it holds every point as it is, and owns its positions. */
import { MediaList, openStore, type StoredSeries, type StoreReader } from '../backends/local/index.ts';
import type { KnownRun } from '../contract/index.ts';
import { systemCode } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import type { RunRef } from '../model/index.ts';
import { Listings, type MediaCounts, type MediaDifference, NO_ARTIFACTS, NO_MEDIA } from './compare/index.ts';
import type { ExtraScope, Extras, LaneSource } from './lane-source.ts';

/** Codes of errors of the store itself, not of its content. */
const UNREACHABLE: ReadonlySet<string> = new Set(['MB3001', 'MB3005', 'MB3006']);

/** True if an error says that a store cannot be read. It then says nothing about what the store should hold. */
export function isUnreachable(error: unknown): boolean {
  return UNREACHABLE.has(systemCode(error) ?? '');
}

/** Opens a store for a comparison, as it is at this moment. Throws as `openStore` does. */
export function openStoreSource(store: StoreOptions): LaneSource & Disposable {
  const reader = openStore(store.path);
  let media: MediaList | undefined;
  const about = lastRun(reader);
  return {
    words: `the store ${store.path}`,
    // Leaves out files that were forgotten but whose points were kept, and files that are now in another root.
    roots() {
      const unread = reader.unreadRoots();
      return reader.roots().filter(({ name }) => reader.hasExpectedRuns(name) || unread.has(name));
    },
    runs: (root) => reader.expectedRuns(root),
    positions: (run) => reader.positions(run),
    lane: 'local',
    where: store.path,
    label: store.path,
    isExact: true,
    isSnapshot: true,
    replacesFiles: true,
    mergesEqual: false,
    files: (run) => about(run).known.files,
    catalogue: (run) => about(run).series,
    points: (run) => about(run).known.points,
    isMeant: () => true,
    leftOf: () => undefined,
    isShared: () => false,
    asHeld: (_run, _tag, _plugin, point) => point,
    hasRefusals: () => false,
    refusals: () => [],
    async *readBack(run, { isWanted = () => true }) {
      yield* reader.readSeries(about(run).series.filter(({ tag }) => isWanted(tag)));
    },
    extras(scope) {
      media ??= new MediaList(store);
      return new StoreExtras(about(scope.candidate.run), media, scope);
    },
    blame: async (error) => (isUnreachable(error) ? 'lane' : undefined),
    [Symbol.dispose]() {
      media?.close();
      reader.close();
    },
  };
}

/** The store's knowledge about one run; it reads the series on demand. */
class StoredRun {
  readonly run: RunRef;
  readonly known: KnownRun;
  readonly #reader: StoreReader;
  #series: readonly StoredSeries[] | undefined;

  constructor(reader: StoreReader, run: RunRef) {
    this.#reader = reader;
    this.run = run;
    this.known = reader.positions(run);
  }

  get series(): readonly StoredSeries[] {
    this.#series ??= this.#reader.catalogue(this.run);
    return this.#series;
  }
}

/** Keeps the last run: a run is asked about several times in a row, and the store need answer only once. */
function lastRun(reader: StoreReader): (run: RunRef) => StoredRun {
  let last: StoredRun | undefined;
  return (run) => {
    if (last?.run.root !== run.root || last.run.path !== run.path) last = new StoredRun(reader, run);
    return last;
  };
}

/** Listings, which need no reading of the points, and media files. */
class StoreExtras implements Extras {
  readonly #of: StoredRun;
  readonly #media: MediaList;
  readonly #scope: ExtraScope;
  readonly #listings = new Listings();

  constructor(of: StoredRun, media: MediaList, scope: ExtraScope) {
    this.#of = of;
    this.#media = media;
    this.#scope = scope;
  }

  see: NonNullable<Extras['see']> = (chunk) => this.#listings.add(chunk);

  compare: Extras['compare'] = async () => {
    const { run, known, series } = this.#of;
    const { isWanted, isSample } = this.#scope;
    const whole = isSample || known.files.length === 0 ? undefined : known;
    const listings = [
      ...this.#listings.differences(
        run,
        series.filter(({ tag }) => isWanted(tag)),
        whole,
      ),
    ];
    const { counts, bad } = await this.#compareMedia();
    return { listing: listings.length, media: counts, artifacts: NO_ARTIFACTS, differences: [...listings, ...bad], badMedia: bad };
  };

  async #compareMedia(): Promise<{ readonly counts: MediaCounts; readonly bad: readonly MediaDifference[] }> {
    const { run } = this.#of;
    const { isSample, isWanted: isWantedTag, turn } = this.#scope;
    const counts = { ...NO_MEDIA };
    const bad: MediaDifference[] = [];
    // Marks have no tag, so they do not belong to a sample of series.
    const isWanted = (tag: string | undefined): boolean => (tag === undefined ? !isSample : isWantedTag(tag));
    for (const { tag, sha256, path, found } of this.#media.of(run, isWanted)) {
      if (await turn()) break;
      counts.named++;
      if (found === sha256) continue;
      if (found === undefined) counts.missing++;
      else counts.changed++;
      bad.push({ kind: 'media', run, tag, path: path ?? sha256, mine: sha256, theirs: found });
    }
    return { counts, bad };
  }
}
