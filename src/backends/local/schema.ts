/**
 * The local store's schema, version 3: docs/schema.md documents every table and view for other readers. Measured
 * numbers are in REAL columns, since other readers (DuckDB) use declared types. Numbers that such a column cannot
 * hold also have their exact text: -0 (it would become 0) and integers that no double holds. NaN is NULL.
 */
export const SCHEMA_VERSION = 3;

/** SQLite's application id, which marks the file as a store ("MBRD"). */
export const APPLICATION_ID = 0x4d425244;

/** The table of series, whose name an upgrade changes. */
export const SERIES = (name: string): string => `
CREATE TABLE ${name} (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  number INTEGER NOT NULL,
  tag INTEGER NOT NULL REFERENCES tag,
  definition INTEGER NOT NULL REFERENCES definition,
  count INTEGER NOT NULL DEFAULT 0,
  first_step INTEGER,
  last_step INTEGER,
  last_wall_time REAL,
  min REAL,
  max REAL,
  end_file INTEGER,
  end_offset INTEGER,
  end_step INTEGER,
  end_wall_time REAL,
  end_value REAL,
  end_odd_value TEXT,
  parts INTEGER NOT NULL DEFAULT 0,
  first_file TEXT NOT NULL,
  first_offset INTEGER NOT NULL,
  UNIQUE (run, tag)
);`;

/**
 * The table of segments, whose name an upgrade changes. Its rows are in the order of the points, so that those of one
 * commit are next to each other: by series, each would change another page of the file.
 */
export const SEGMENT = (name: string): string => `
CREATE TABLE ${name} (
  series INTEGER NOT NULL REFERENCES series,
  first_point INTEGER PRIMARY KEY,
  last_point INTEGER NOT NULL,
  file INTEGER NOT NULL REFERENCES file,
  generation INTEGER NOT NULL,
  first_offset INTEGER NOT NULL,
  last_offset INTEGER NOT NULL,
  places BLOB NOT NULL,
  buckets BLOB
);`;

/** Tables that version 1 does not have. */
export const NEW_TABLES = `
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE definition (
  id INTEGER PRIMARY KEY,
  plugin TEXT NOT NULL,
  data_class TEXT NOT NULL,
  form TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  metadata BLOB NOT NULL,
  UNIQUE (plugin, data_class, form, display_name, description, metadata)
);

CREATE TABLE tag_use (
  root INTEGER NOT NULL REFERENCES root,
  tag INTEGER NOT NULL REFERENCES tag,
  plugin TEXT NOT NULL,
  runs INTEGER NOT NULL,
  points INTEGER NOT NULL,
  PRIMARY KEY (root, tag, plugin)
) WITHOUT ROWID;
`;

/** Adds the use of tags by the series of a run (`sign` 1), or removes it (-1). */
const movedUse = (row: 'new' | 'old', sign: 1 | -1): string => `
  INSERT INTO tag_use (root, tag, plugin, runs, points)
    SELECT ${row}.root, series.tag, definition.plugin, ${sign} * sum(series.count > 0), ${sign} * sum(series.count)
      FROM series JOIN definition ON definition.id = series.definition WHERE series.run = ${row}.id GROUP BY series.tag, definition.plugin
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, points = points + excluded.points;`;

/** The index that finds the segments of a series. */
export const SEGMENT_INDEX = 'CREATE INDEX segment_by_series ON segment (series);';

/**
 * The index that finds a tag in all runs, and the triggers that count the use of tags when points, series or runs
 * change. New series are counted by `SeriesWriter`, many at once: a trigger for each takes a twentieth of a backfill.
 */
export const INDEXES = `
CREATE INDEX series_by_tag ON series (tag, run);
CREATE TRIGGER series_counted AFTER UPDATE OF count ON series WHEN new.count <> old.count BEGIN
  INSERT INTO tag_use (root, tag, plugin, runs, points)
    SELECT run.root, new.tag, definition.plugin, (new.count > 0) - (old.count > 0), new.count - old.count
      FROM run JOIN definition ON definition.id = new.definition WHERE run.id = new.run
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, points = points + excluded.points;
END;
CREATE TRIGGER series_removed AFTER DELETE ON series WHEN old.count > 0 BEGIN
  INSERT INTO tag_use (root, tag, plugin, runs, points)
    SELECT run.root, old.tag, definition.plugin, -1, -old.count
      FROM run JOIN definition ON definition.id = old.definition WHERE run.id = old.run
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, points = points + excluded.points;
END;
CREATE TRIGGER run_moved AFTER UPDATE OF root ON run WHEN new.root <> old.root BEGIN ${movedUse('old', -1)} ${movedUse('new', 1)} END;
CREATE TRIGGER root_removed AFTER DELETE ON root BEGIN DELETE FROM tag_use WHERE root = old.id; END;
`;

/** The tables; docs/schema.md describes them. */
export const TABLES = `${NEW_TABLES}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

CREATE TABLE root (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL);

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  root INTEGER NOT NULL REFERENCES root,
  path TEXT NOT NULL,
  points INTEGER NOT NULL DEFAULT 0,
  last_step INTEGER,
  first_wall_time REAL,
  last_wall_time REAL,
  visibility TEXT,
  revision INTEGER NOT NULL DEFAULT 0,
  UNIQUE (path, root)
);

CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  watermark INTEGER NOT NULL,
  gaps TEXT NOT NULL,
  guard TEXT NOT NULL,
  damage TEXT NOT NULL,
  size INTEGER NOT NULL,
  stamp TEXT NOT NULL,
  records INTEGER NOT NULL,
  file_version TEXT,
  writer TEXT,
  first_wall_time REAL,
  UNIQUE (run, name)
);

${SERIES('series')}

CREATE TABLE point (id INTEGER PRIMARY KEY, step INTEGER, wall_time REAL, value REAL);

CREATE TABLE odd_point (id INTEGER PRIMARY KEY REFERENCES point, wall_time TEXT, value TEXT, value_int INTEGER);

${SEGMENT('segment')}

CREATE TABLE object (
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL REFERENCES series,
  file INTEGER NOT NULL REFERENCES file,
  generation INTEGER NOT NULL,
  step INTEGER,
  wall_time REAL,
  odd_wall_time TEXT,
  "offset" INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  form TEXT NOT NULL,
  kind TEXT NOT NULL,
  dtype TEXT,
  text TEXT,
  data TEXT NOT NULL
);
CREATE INDEX object_by_series ON object (series, kind);
CREATE INDEX object_by_kind ON object (kind);

CREATE TABLE histogram (object INTEGER PRIMARY KEY REFERENCES object, num REAL, min REAL, max REAL, sum REAL, sum_squares REAL);

CREATE TABLE hparam (object INTEGER NOT NULL REFERENCES object, name TEXT NOT NULL, value TEXT, number REAL,
  type TEXT NOT NULL, PRIMARY KEY (object, name)) WITHOUT ROWID;

CREATE TABLE blob (sha256 TEXT PRIMARY KEY, bytes INTEGER NOT NULL, path TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE object_blob (
  object INTEGER NOT NULL REFERENCES object,
  part INTEGER NOT NULL,
  sha256 TEXT NOT NULL REFERENCES blob,
  format TEXT NOT NULL,
  label TEXT NOT NULL,
  PRIMARY KEY (object, part)
) WITHOUT ROWID;

CREATE TABLE mark (
  file INTEGER NOT NULL REFERENCES file,
  generation INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  kind TEXT NOT NULL,
  step INTEGER,
  wall_time REAL,
  payload BLOB,
  sha256 TEXT REFERENCES blob,
  PRIMARY KEY (file, generation, "offset")
) WITHOUT ROWID;
`;

/** As below, for segments. */
export const SEGMENT_STATISTICS = `('segment', 'segment_by_series', '100000 20')`;

/** As below, for what version 1 does not have. */
export const INDEX_STATISTICS = `('series', 'sqlite_autoindex_series_1', '5000 20 1'),
  ('series', 'series_by_tag', '5000 50 1'),
  ('tag', 'sqlite_autoindex_tag_1', '100 1'),
  ('definition', 'sqlite_autoindex_definition_1', '20 5 5 4 3 3 1')`;

/**
 * The sizes that SQLite's planner should assume: many points, so that it never begins a query with them. ANALYZE
 * replaces these with the real numbers.
 */
export const STATISTICS = `
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('point', NULL, '100000000'),
  ('odd_point', NULL, '10'),
  ${SEGMENT_STATISTICS},
  ${INDEX_STATISTICS},
  ('run', 'sqlite_autoindex_run_1', '250 1 1'),
  ('file', 'sqlite_autoindex_file_1', '500 2 1'),
  ('object', 'object_by_series', '1000000 100 50'),
  ('object', 'object_by_kind', '1000000 100000');
`;

/** Plain joins in standard SQL, so that readers with their own parser understand the views, too. */
const NAMES = 'run.path AS run, tag.name AS tag';
const SERIES_OF_RUN = 'FROM run JOIN series ON series.run = run.id JOIN tag ON tag.id = series.tag';
const FROM_OBJECT = `
  ${SERIES_OF_RUN}
  JOIN object ON object.series = series.id
  JOIN file ON file.id = object.file AND file.generation = object.generation
  JOIN root ON root.id = run.root`;
const PLACE = 'root.name AS root, file.name AS file, object."offset" AS "offset", object.idx AS idx';
const AT = `object.step AS step,
    CASE WHEN object.odd_wall_time IS NULL THEN object.wall_time ELSE CAST(object.odd_wall_time AS DOUBLE) END AS wall_time`;

/** The views for people; docs/schema.md describes them. */
export const VIEWS = `
CREATE VIEW runs AS
  SELECT run.path AS run, root.name AS root, run.points,
    (SELECT count(*) FROM series WHERE series.run = run.id) AS tags,
    (SELECT count(*) FROM file WHERE file.run = run.id) AS files,
    run.last_step, run.first_wall_time, run.last_wall_time, root.path AS root_path
  FROM run JOIN root ON root.id = run.root;

CREATE VIEW tags AS
  SELECT ${NAMES}, definition.plugin, series.count, series.first_step, series.last_step, series.last_wall_time,
    series.min, series.max, definition.display_name, definition.description, definition.form, definition.data_class,
    definition.metadata, root.name AS root, CASE WHEN series.end_odd_value IS NULL THEN series.end_value
      ELSE CAST(series.end_odd_value AS DOUBLE) END AS last
  ${SERIES_OF_RUN} JOIN definition ON definition.id = series.definition JOIN root ON root.id = run.root;

CREATE VIEW files AS
  SELECT run.path AS run, file.name AS file, file.size, file.watermark, file.records, file.generation, file.gaps, file.damage,
    file.file_version, file.writer, root.name AS root
  FROM run JOIN file ON file.run = run.id JOIN root ON root.id = run.root;

CREATE VIEW scalars AS
  SELECT ${NAMES}, point.step,
    CASE WHEN odd_point.wall_time IS NULL THEN point.wall_time ELSE CAST(odd_point.wall_time AS DOUBLE) END AS wall_time,
    CASE WHEN odd_point.value IS NULL THEN point.value WHEN odd_point.value_int IS NOT NULL THEN odd_point.value_int
      ELSE CAST(odd_point.value AS DOUBLE) END AS value,
    root.name AS root, file.name AS file, point.id AS point
  ${SERIES_OF_RUN}
  JOIN segment ON segment.series = series.id
  JOIN file ON file.id = segment.file AND file.generation = segment.generation
  JOIN root ON root.id = run.root
  JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point
  LEFT JOIN odd_point ON odd_point.id = point.id;

CREATE VIEW histograms AS
  SELECT ${NAMES}, ${AT}, histogram.num, histogram.min, histogram.max, histogram.sum, histogram.sum_squares,
    json_extract(object.data, '$.buckets') AS buckets, json_extract(object.data, '$.proto') AS proto, ${PLACE}
  ${FROM_OBJECT} JOIN histogram ON histogram.object = object.id;

CREATE VIEW texts AS
  SELECT ${NAMES}, ${AT}, object.text, json_extract(object.data, '$.strings') AS strings,
    json_extract(object.data, '$.shape') AS shape, ${PLACE}
  ${FROM_OBJECT} WHERE object.kind = 'text';

CREATE VIEW hparams AS
  SELECT run.path AS run, hparam.name, hparam.value, hparam.number, hparam.type, ${PLACE}
  ${FROM_OBJECT} JOIN hparam ON hparam.object = object.id;

CREATE VIEW hparam_messages AS
  SELECT ${NAMES}, ${AT}, object.data AS message, ${PLACE} ${FROM_OBJECT} WHERE object.kind = 'hparams';

CREATE VIEW tensors AS
  SELECT ${NAMES}, ${AT}, definition.plugin, object.dtype, json_extract(object.data, '$.shape') AS shape,
    json_extract(object.data, '$.values') AS "values", json_extract(object.data, '$.strings') AS strings,
    object_blob.sha256, blob.path, ${PLACE}
  ${FROM_OBJECT} JOIN definition ON definition.id = series.definition
  LEFT JOIN object_blob ON object_blob.object = object.id AND object_blob.format = 'tensor'
  LEFT JOIN blob ON blob.sha256 = object_blob.sha256 WHERE object.kind = 'tensor';

CREATE VIEW pr_curves AS
  SELECT ${NAMES}, ${AT}, json_extract(object.data, '$.rows[0]') AS true_positives,
    json_extract(object.data, '$.rows[1]') AS false_positives,
    json_extract(object.data, '$.rows[2]') AS true_negatives, json_extract(object.data, '$.rows[3]') AS false_negatives,
    json_extract(object.data, '$.rows[4]') AS "precision", json_extract(object.data, '$.rows[5]') AS recall, ${PLACE}
  ${FROM_OBJECT} WHERE object.kind = 'pr_curve';

CREATE VIEW layouts AS
  SELECT ${NAMES}, ${AT}, json_extract(object.data, '$.layout') AS layout, ${PLACE} ${FROM_OBJECT} WHERE object.kind = 'layout';

CREATE VIEW media AS
  SELECT ${NAMES}, ${AT}, object_blob.part, object.kind, object_blob.format, blob.bytes, blob.sha256, blob.path, object_blob.label,
    json_extract(object.data, '$.width') AS width, json_extract(object.data, '$.height') AS height, ${PLACE}
  ${FROM_OBJECT} JOIN object_blob ON object_blob.object = object.id JOIN blob ON blob.sha256 = object_blob.sha256;

CREATE VIEW malformed AS
  SELECT ${NAMES}, ${AT}, definition.plugin, object.text AS why, object.data, ${PLACE} ${FROM_OBJECT}
  JOIN definition ON definition.id = series.definition WHERE object.kind = 'malformed';

CREATE VIEW marks AS
  SELECT run.path AS run, mark.kind, mark.step, mark.wall_time, mark.payload, mark.sha256, root.name AS root,
    file.name AS file, mark."offset"
  FROM run JOIN file ON file.run = run.id
  JOIN mark ON mark.file = file.id AND mark.generation = file.generation
  JOIN root ON root.id = run.root;

CREATE VIEW damage AS
  SELECT run.path AS run, file.name AS file, json_extract(item.value, '$.reason') AS reason, json_extract(item.value, '$.start') AS start,
    json_extract(item.value, '$.end') AS "end", json_extract(item.value, '$.detail') AS detail, root.name AS root
  FROM run JOIN file ON file.run = run.id JOIN root ON root.id = run.root, json_each(file.damage) AS item;
`;

/** The names of the views. */
export const VIEW_NAMES: readonly string[] = [...VIEWS.matchAll(/^CREATE VIEW (\w+)/gm)].map(([, name]) => name as string);
