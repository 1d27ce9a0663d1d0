import { runLabel } from '../model/index.ts';
import type { Plan } from '../plan.ts';
import { counted, firstFew, formatBytes, formatCount, formatDuration, obstacleText, renderTable, visibleText } from './terminal/index.ts';

const MOST_RUNS = 30;
/** What a backfill into a local store took on two cores, in bytes of plain scalars: the roughest of guesses. */
const BYTES_PER_MS = 50_000;

/** A plan for a program to read. */
export function planJson({ store, runs, obstacles }: Plan): object {
  return {
    type: 'plan',
    store: { path: store.path, exists: store.exists },
    totals: {
      runs: runs.length,
      files: runs.reduce((sum, run) => sum + run.files, 0),
      bytes_to_read: runs.reduce((sum, run) => sum + run.bytesToRead, 0),
    },
    runs: runs.map(({ run, files, newFiles, changedFiles, bytes, bytesToRead }) => ({
      root: run.root,
      run: run.path,
      files,
      new_files: newFiles,
      changed_files: changedFiles,
      bytes,
      bytes_to_read: bytesToRead,
    })),
    obstacles,
  };
}

/** A plan for a person to read. */
export function renderPlan({ runs, store, obstacles }: Plan, width: number | undefined): string {
  const toRead = runs.reduce((sum, run) => sum + run.bytesToRead, 0);
  const files = runs.reduce((sum, run) => sum + run.files, 0);
  const newFiles = runs.reduce((sum, run) => sum + run.newFiles, 0);
  const changed = runs.reduce((sum, run) => sum + run.changedFiles, 0);
  const shown = runs.filter((run) => run.bytesToRead > 0).slice(0, MOST_RUNS);
  const table = renderTable({
    columns: [
      { title: 'Run' },
      { title: 'Files', align: 'right' },
      { title: 'Size', align: 'right' },
      { title: 'To read', align: 'right' },
    ],
    rows: shown.map((run) => [runLabel(run.run), formatCount(run.files), formatBytes(run.bytes), formatBytes(run.bytesToRead)]),
    width,
  });
  const lines = [
    ...(shown.length > 0 ? [table, ''] : []),
    `Would read ${formatBytes(toRead)} of ${counted(files, 'file')} (${formatCount(newFiles)} new, ${formatCount(changed)} changed) of ${counted(runs.length, 'run')}`,
    `into ${store.exists ? 'the store' : 'a new store'} ${visibleText(store.path)}: about ${formatDuration(toRead / BYTES_PER_MS)}. Nothing was written.`,
    ...firstFew(obstacles.map((obstacle) => obstacleText({ ...obstacle, path: `${obstacle.root}/${obstacle.path}` }))).map((line) =>
      line.trimStart(),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
