import { MirrorError } from '../errors.ts';
import { type RunRef, runLabel, type Series } from '../model/index.ts';
import { seriesOf, seriesRow } from './rows.ts';
import type { StateStore } from './state-store.ts';

/** The run's series so far, in the order of their numbers. */
export function catalogueOf({ ids, statements }: Pick<StateStore, 'ids' | 'statements'>, run: RunRef): readonly Series[] {
  const row = ids.findRun(run);
  return row === undefined ? [] : statements.all('SELECT * FROM series WHERE run = ? ORDER BY number', row).map(seriesOf);
}

/**
 * A catalogue with a hole, or with two meanings of a number, would turn values of one tag into those of another. So
 * whoever brings such series is stopped before anything of it is noted.
 */
export function refuseBadSeries(store: StateStore, run: RunRef, series: readonly Series[]): void {
  if (series.length === 0) return;
  const { ids, statements } = store.reading();
  const row = ids.findRun(run) ?? 0;
  let next = Number(statements.get('SELECT count(*) AS n FROM series WHERE run = ?', row)?.n);
  for (const { id, tag } of series) {
    const other = statements.get('SELECT number, tag FROM series WHERE run = ?1 AND (number = ?2) <> (tag = ?3)', row, id, tag);
    if (other !== undefined) throw badSeries(run, { id, tag }, `number ${other.number} is ${JSON.stringify(other.tag)}`);
    if (id > next) throw badSeries(run, { id, tag }, `the next number is ${next}`);
    if (id === next) next++;
  }
}

function badSeries(run: RunRef, { id, tag }: Pick<Series, 'id' | 'tag'>, known: string): MirrorError {
  return new MirrorError('MB9001', `noting series ${id} of ${runLabel(run)} as ${JSON.stringify(tag)}: ${known}`, {
    context: { root: run.root, run: run.path, series: id },
  });
}

/** Notes series, or what they were reclassified as. */
export function addSeries({ commits, statements, ids }: StateStore, run: RunRef, series: readonly Series[]): void {
  for (const each of series) {
    commits.change(JSON.stringify(['series', run.root, run.path, each.id]), () =>
      statements.run(
        `INSERT INTO series (run, number, tag, plugin, data_class, metadata, display_name, description, form, first_file, first_offset)
         VALUES (?,?,?,?,?,?,?,?,?,?,?)
         ON CONFLICT (run, number) DO UPDATE SET plugin = excluded.plugin, data_class = excluded.data_class, metadata = excluded.metadata,
           display_name = excluded.display_name, description = excluded.description, form = excluded.form,
           first_file = excluded.first_file, first_offset = excluded.first_offset`,
        ids.run(run),
        ...seriesRow(each),
      ),
    );
  }
}
