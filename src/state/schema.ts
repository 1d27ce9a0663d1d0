import type { DatabaseSync } from 'node:sqlite';

/** SQLite's application id for our files ("MBST"). */
export const APPLICATION_ID = 0x4d425354;

/** The values that a step may need besides the database. */
export interface StepContext {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Returns the id that distinguishes a new state from all others. */
  readonly newId: () => string;
}

/** Migrates a state from one schema version to the next. */
export type MigrationStep = (db: DatabaseSync, context: StepContext) => void;

/**
 * Step `i` leads from version `i` to `i + 1`; a new file has version 0 and is empty. A released step never changes: a
 * later step follows it. Described in docs/state.md.
 */
export const STEPS: readonly MigrationStep[] = [
  (db, { nowMs, newId }) => {
    db.exec(VERSION_1);
    const meta = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
    meta.run('instance_id', newId());
    meta.run('created_at', new Date(nowMs).toISOString());
  },
  (db) => db.exec(VERSION_2),
];

/** The run under whose name a tracker run was opened, if it has moved since. */
export const OPENED_AT = "opened ->> '$.openedAt'";

/** Indexes that only make a query fast. They are no part of a schema version: any version reads and writes the file. */
export const INDEXES = `CREATE INDEX IF NOT EXISTS handle_moved ON handle (lane, ${OPENED_AT}) WHERE ${OPENED_AT} IS NOT NULL`;

/** The schema version that this version writes. */
export const SCHEMA_VERSION = STEPS.length;

const VERSION_1 = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE root (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL) STRICT;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  root INTEGER NOT NULL REFERENCES root,
  path TEXT NOT NULL,
  grown_ms INTEGER,
  UNIQUE (root, path)
) STRICT;

CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  read_to INTEGER NOT NULL,
  guard TEXT NOT NULL,
  damage TEXT NOT NULL,
  size INTEGER NOT NULL,
  stamp TEXT NOT NULL,
  records INTEGER NOT NULL,
  file_version TEXT,
  writer TEXT,
  UNIQUE (run, name)
) STRICT;

CREATE TABLE series (
  run INTEGER NOT NULL REFERENCES run,
  number INTEGER NOT NULL,
  tag TEXT NOT NULL,
  plugin TEXT NOT NULL,
  data_class TEXT NOT NULL,
  metadata BLOB NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  form TEXT NOT NULL,
  first_file TEXT NOT NULL,
  first_offset INTEGER NOT NULL,
  PRIMARY KEY (run, number),
  UNIQUE (run, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  target TEXT NOT NULL,
  owns_positions INTEGER NOT NULL,
  UNIQUE (name, target)
) STRICT;

CREATE TABLE position (
  lane INTEGER NOT NULL REFERENCES lane,
  file INTEGER NOT NULL REFERENCES file,
  generation INTEGER NOT NULL,
  watermark INTEGER NOT NULL,
  gaps TEXT NOT NULL,
  last TEXT NOT NULL,
  records INTEGER NOT NULL,
  size INTEGER NOT NULL,
  stamp TEXT NOT NULL,
  PRIMARY KEY (file, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivered (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  points INTEGER NOT NULL,
  last_step INTEGER,
  last_wall_time REAL,
  has_failed INTEGER NOT NULL,
  PRIMARY KEY (run, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE handle (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  handle TEXT NOT NULL,
  is_ended INTEGER NOT NULL,
  PRIMARY KEY (run, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusal (
  lane INTEGER NOT NULL REFERENCES lane,
  file INTEGER NOT NULL REFERENCES file,
  generation INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (file, lane, generation, "offset", idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  first_line INTEGER NOT NULL,
  count INTEGER NOT NULL,
  file TEXT NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  hash TEXT NOT NULL,
  mapping TEXT NOT NULL,
  PRIMARY KEY (run, lane, first_line)
) STRICT, WITHOUT ROWID;

CREATE TABLE intent (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  intent TEXT NOT NULL,
  PRIMARY KEY (run, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE retry (file INTEGER PRIMARY KEY REFERENCES file, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL) STRICT;

CREATE TABLE status (id INTEGER PRIMARY KEY CHECK (id = 1), written_ms INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
`;

/** Adds the decisions of routes and folding, and what was sent of the files next to the event files. */
const VERSION_2 = `
ALTER TABLE handle ADD COLUMN opened TEXT;

CREATE TABLE mapping (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  mapping TEXT NOT NULL,
  PRIMARY KEY (run, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE side (
  lane INTEGER NOT NULL REFERENCES lane,
  run INTEGER NOT NULL REFERENCES run,
  path TEXT NOT NULL,
  rule TEXT NOT NULL,
  stamp TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  hash TEXT NOT NULL,
  outcome TEXT NOT NULL,
  PRIMARY KEY (run, lane, path, rule)
) STRICT, WITHOUT ROWID;
`;
