import type { RunRef, Series } from '../model/index.ts';
import { seriesFacts, seriesOf } from './rows.ts';
import type { StateStore } from './state-store.ts';

/** Returns the run's series so far, in the order of their numbers. */
export function catalogueOf({ ids, statements }: Pick<StateStore, 'ids' | 'statements'>, run: RunRef): readonly Series[] {
  const row = ids.findRun(run);
  return row === undefined ? [] : statements.all('SELECT * FROM series WHERE run = ? ORDER BY number', row).map(seriesOf);
}

// The next number comes from the end of the primary key: counting the rows would make each of many series cost all
// earlier ones.
const ADD_SERIES = `
  INSERT INTO series (run, number, tag, plugin, data_class, metadata, display_name, description, form, first_file, first_offset)
  VALUES (?1, coalesce((SELECT number FROM series WHERE run = ?1 ORDER BY number DESC LIMIT 1) + 1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
  ON CONFLICT (run, tag) DO UPDATE SET plugin = excluded.plugin, data_class = excluded.data_class, metadata = excluded.metadata,
    display_name = excluded.display_name, description = excluded.description, form = excluded.form,
    first_file = excluded.first_file, first_offset = excluded.first_offset
  WHERE (excluded.first_file, excluded.first_offset) <= (first_file, first_offset)`;

/**
 * Notes series by their tags. The state numbers them itself, since lanes that read independently meet the tags of a
 * run in different orders. What the first value (by file name and offset) says counts.
 */
export function addSeries({ commits, statements, ids }: StateStore, run: RunRef, series: readonly Series[]): void {
  for (const each of series) {
    commits.change(JSON.stringify(['series', run.root, run.path, each.tag]), () =>
      // biome-ignore lint/plugin/no-spread-into-calls: the columns of a row
      statements.run(ADD_SERIES, ids.run(run), ...seriesFacts(each)),
    );
  }
}
