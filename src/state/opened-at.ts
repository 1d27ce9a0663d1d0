import { keyOfRun } from '../model/index.ts';
import { TO_OPEN } from './lane-state.ts';
import { OPENED_AT } from './schema.ts';
import type { StateStore } from './state-store.ts';

/**
 * Notes the name under which the tracker runs of a run were opened, before the run gets another one. A tracker keeps
 * it, so another run that takes the path later must not find them by it. `row`: the run's id.
 */
export function noteOpenedAt({ statements }: Pick<StateStore, 'statements'>, row: number): void {
  const run = statements.get('SELECT root.name AS root, run.path FROM run JOIN root ON root.id = run.root WHERE run.id = ?', row);
  if (run === undefined) return;
  statements.run(
    `UPDATE handle SET opened = json_set(opened, '$.openedAt', ?) WHERE run = ? AND opened IS NOT NULL
      AND handle <> '${TO_OPEN}' AND ${OPENED_AT} IS NULL AND opened ->> '$.joins' IS NULL`,
    keyOfRun({ root: String(run.root), path: String(run.path) }),
    row,
  );
}
