import type { DatabaseSync } from 'node:sqlite';

/** Recomputes the listings of a run from the points of the present generations of its files. Inside a transaction. */
export function recountRun(db: DatabaseSync, run: number): void {
  db.prepare(
    `UPDATE series SET (count, first_step, last_step, last_wall_time, min, max) = (
      SELECT count(*), min(step), max(step), max(wall_time), min(value), max(value) FROM (
        SELECT point.step, point.wall_time, CASE WHEN typeof(value) IN ('real', 'integer') THEN value END AS value
          FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
          CROSS JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point WHERE segment.series = series.id
        UNION ALL
        SELECT object.step, object.wall_time, NULL
          FROM object CROSS JOIN file ON file.id = object.file AND file.generation = object.generation WHERE object.series = series.id))
     WHERE run = ?`,
  ).run(run);
  db.prepare(
    `UPDATE run SET (points, last_step, last_wall_time) =
       (SELECT coalesce(sum(count), 0), max(last_step), max(last_wall_time) FROM series WHERE series.run = run.id),
     first_wall_time = (SELECT min(wall_time) FROM (
       SELECT point.wall_time FROM series JOIN segment ON segment.series = series.id
         JOIN file ON file.id = segment.file AND file.generation = segment.generation
         JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point WHERE series.run = run.id
       UNION ALL
       SELECT object.wall_time FROM series JOIN object ON object.series = series.id
         JOIN file ON file.id = object.file AND file.generation = object.generation WHERE series.run = run.id)) WHERE id = ?`,
  ).run(run);
}
