/** Finds texts with params in data that was sent before the configuration asked for them. */
import type { Clock } from '../clock.ts';
import { type JobReader, piecesFromStart } from '../reading/index.ts';
import type { LaneView } from '../state/index.ts';
import { isDueAgain } from './artifact-sync.ts';
import type { ParamText } from './param-text.ts';
import type { SyncedRun } from './synced-run.ts';
import type { TagParams } from './tag-params.ts';

/** The reader and state with which files are read again from their beginnings. */
interface PastTextsOptions {
  readonly laneState: LaneView;
  readonly reader: JobReader;
  /** Bytes that are read, and held, at a time. */
  readonly mostBytes: number;
  readonly clock: Clock;
}

/** How long until files that could not be read are retried. */
const UNREAD_MS = 10 * 60_000;

/** Yields the texts of each run that goes into a tracker run, if it has texts that the state does not know. */
export async function* pastTexts(
  run: SyncedRun,
  tags: TagParams,
  { laneState, reader, mostBytes, clock }: PastTextsOptions,
): AsyncGenerator<readonly ParamText[], void, void> {
  const due = [...run.sources.values()].filter(({ pastTextsDueMs }) => pastTextsDueMs <= clock.steadyMs());
  if (due.length === 0) return;
  const settled = laneState.artifacts(run.target).filter((state) => !isDueAgain(state, clock.wallMs()));
  const known = new Set(settled.map(({ path, rule }) => JSON.stringify([path, rule])));
  for (const source of due) {
    const { ref, directory } = source;
    // A text that is in no file is gone with its file. New texts come with their points.
    let dueMs = Number.POSITIVE_INFINITY;
    if (tags.wantedOf(source, laneState.catalogue(ref)).some(({ path, rule }) => !known.has(JSON.stringify([path, rule])))) {
      const files = laneState.known(ref).files.map(({ name }) => ({ name }));
      const onUnread = (): void => {
        dueMs = clock.steadyMs() + UNREAD_MS;
      };
      for await (const piece of piecesFromStart(reader, { run: ref, directory, files, mostBytes, onUnread }))
        yield tags.textsIn(source, piece);
    }
    source.pastTextsDueMs = dueMs;
  }
}
