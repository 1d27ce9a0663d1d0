/** What the service keeps: runs with lines by their place, and files. */

export interface StubRun {
  readonly storageId: string;
  readonly entity: string;
  readonly project: string;
  readonly id: string;
  displayName: string;
  group: string;
  jobType: string;
  notes: string;
  tags: readonly string[];
  config: string;
  state: 'running' | 'finished' | 'failed';
  summary: string;
  /** Lines by their place, by the name of the file in the stream. */
  readonly streams: Map<string, string[]>;
  readonly files: Map<string, Buffer>;
  isDeleted: boolean;
  /** When a line came last: counts may be late. */
  changedMs: number;
  countedLines: number;
}

export class WandbStore {
  readonly runs: StubRun[] = [];
  #made = 0;

  active(): StubRun[] {
    return this.runs.filter(({ isDeleted }) => !isDeleted);
  }

  find(entity: string, project: string, id: string): StubRun | undefined {
    return this.active().find((run) => run.id === id && run.project === project && run.entity === entity);
  }

  wasDeleted(entity: string, project: string, id: string): boolean {
    return this.runs.some((run) => run.isDeleted && run.id === id && run.project === project && run.entity === entity);
  }

  make(entity: string, project: string, id: string): StubRun {
    const run: StubRun = {
      storageId: Buffer.from(`Run:v1:${++this.#made}:${id}`).toString('base64'),
      entity,
      project,
      id,
      displayName: id,
      group: '',
      jobType: '',
      notes: '',
      tags: [],
      config: '{}',
      state: 'running',
      summary: '{}',
      streams: new Map(),
      files: new Map(),
      isDeleted: false,
      changedMs: 0,
      countedLines: 0,
    };
    this.runs.push(run);
    return run;
  }
}

export const HISTORY = 'wandb-history.jsonl';
export const SUMMARY = 'wandb-summary.json';

export function historyOf(run: StubRun): string[] {
  return run.streams.get(HISTORY) ?? [];
}
