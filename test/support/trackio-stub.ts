// A strict stand-in for a Trackio server (0.43): it answers as the real one does, over a database of its own for each
// project, and notes what would hurt the real one without a word.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type StubAnswer, type StubRequest, StubServer } from '../../src/testing/stub-server.ts';

const MEDIA = '/srv/trackio/media';
const SCHEMA = `
  CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
    step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT);
  CREATE UNIQUE INDEX idx_metrics_log_id ON metrics(log_id) WHERE log_id IS NOT NULL;
  CREATE TABLE configs (run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL, UNIQUE(run_id));
  CREATE TABLE artifacts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE artifact_versions (artifact_id INTEGER, version INTEGER, manifest TEXT, producer_run_id TEXT);`;
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 64n - 1n];
const QUERY_ROWS = 10_000;

type Fields = Readonly<Record<string, unknown>>;
class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class TrackioStub {
  readonly server: StubServer;
  readonly projects = new Map<string, DatabaseSync>();
  readonly media = new Map<string, Buffer>();
  readonly blobs = new Map<string, Buffer>();
  /** Tags whose rows the server does not take. */
  readonly refused = new Set<string>();
  /** How many of the next writes are answered with 200 and forgotten, as with a locked database. */
  forgets = 0;
  /** Rows that were forgotten: a server whose database is not locked any more in time stores them nevertheless. */
  readonly forgotten: Fields[] = [];
  /** Rows that another process stores just before those of the next write. */
  rival: ((logs: readonly Fields[]) => readonly Fields[]) | undefined;
  readonly #token: string;
  readonly #uploaded = new Map<string, Buffer>();
  readonly #borders = new Set<string>();
  #uploads = 0;
  #inbox: NodeJS.Timeout | undefined;

  private constructor(token: string, make: (stub: TrackioStub) => StubServer) {
    this.#token = token;
    this.server = make(this);
  }

  static async start(token = 'stub-token'): Promise<TrackioStub> {
    let stub: TrackioStub | undefined;
    const calls: Readonly<Record<string, (stub: TrackioStub, args: Fields, request: StubRequest) => unknown>> = {
      get_settings: () => ({ media_dir: MEDIA }),
      get_run_mutation_status: (it, _, request) => ({ spaces: false, allowed: it.#isAllowed(request) }),
      query_project: (it, args) => it.#query(String(args['project']), String(args['query'])),
      get_runs_for_project: (it, args) => it.runsOf(String(args['project'])),
      bulk_log: (it, args, request) => it.#log(args['logs'] as readonly Fields[], request),
      bulk_upload_media: (it, args) => it.#keepMedia(args['uploads'] as readonly Fields[]),
      check_artifact_blobs: (it, { project, digests }) => ({
        present: (digests as readonly string[]).filter((digest) => it.blobs.has(`${project}/${digest}`)),
      }),
      bulk_upload_artifact_blob: (it, { project, uploads }) => it.#keepBlobs(String(project), uploads as readonly Fields[]),
      artifact_log: (it, args) => it.#logArtifact(args),
      delete_run: (it, { project, run_id: run }) => it.removeRun(String(project), String(run)),
    };
    const writes = new Set([
      'bulk_log',
      'bulk_upload_media',
      'check_artifact_blobs',
      'bulk_upload_artifact_blob',
      'artifact_log',
      'delete_run',
    ]);
    const answer = (name: string, request: StubRequest): StubAnswer => {
      const it = stub as TrackioStub;
      try {
        if (writes.has(name) && !it.#isAllowed(request))
          throw new ApiError(400, 'A write_token is required to log metrics or upload to this server.');
        const args = JSON.parse(request.body.toString(), asPython as Parameters<typeof JSON.parse>[1]) as Fields;
        return { body: { data: calls[name]?.(it, args, request) ?? null } };
      } catch (error) {
        return { status: error instanceof ApiError ? error.status : 500, body: { error: (error as Error).message } };
      }
    };
    const found = (data: Buffer | undefined): StubAnswer =>
      data === undefined ? { status: 404, body: 'Not found' } : { body: data, headers: { 'content-length': String(data.length) } };
    const file = ({ query }: StubRequest): StubAnswer => found(stub?.media.get(query.get('path') ?? ''));
    const blob = ({ params }: StubRequest): StubAnswer => found(stub?.blobs.get(`${params['project']}/${params['digest']}`));
    const server = await StubServer.start({
      faultyRoutes: ['POST /api/bulk_log'],
      routes: {
        'GET /version': () => ({ body: { version: '0.43.0', api_version: 1, writes_paused: false } }),
        'POST /api/upload': (request) => (stub as TrackioStub).#upload(request),
        ...Object.fromEntries(Object.keys(calls).map((name) => [`POST /api/${name}`, (request: StubRequest) => answer(name, request)])),
        'GET /file': file,
        'HEAD /file': file,
        'HEAD /artifact_blob/:project/:digest': blob,
      },
    });
    stub = new TrackioStub(token, () => server);
    return stub;
  }

  /** Imports rows from a folder from time to time, until the end of the stub. */
  watchInbox(folder: string): void {
    this.#inbox = setInterval(() => this.importFrom(folder), 20);
  }

  get url(): string {
    return this.server.url;
  }

  runsOf(project: string): readonly { readonly id: string; readonly name: string }[] {
    const query = 'select run_id as id, run_name as name, min(timestamp) as created_at from metrics group by run_id, run_name';
    return (this.projects.get(project)?.prepare(query).all() ?? []) as unknown as { id: string; name: string }[];
  }

  configOf(project: string, run: string): Fields {
    const row = this.projects.get(project)?.prepare('select config from configs where run_id = ?').get(run) as
      | { config: string }
      | undefined;
    return JSON.parse(row?.config ?? '{}') as Fields;
  }

  /** All scalars of a project as JSON: run, tag, step, wall time, value. Times are in the ids and places of rows. */
  scalars(project: string): string[] {
    const query = "select run_name as run, cast(step as text) as step, metrics, log_id as id from metrics where metrics <> '{}'";
    const rows = (this.projects.get(project)?.prepare(query).all() ?? []) as unknown as Readonly<Record<string, string>>[];
    return rows.flatMap(({ run, step, metrics = '', id = '' }) => {
      const { mirrorboard: own, ...values } = JSON.parse(metrics) as { readonly mirrorboard?: { readonly places: string } };
      const places = [id.slice(id.lastIndexOf('/') + 1), ...(own === undefined ? [] : own.places.split(';'))];
      return Object.entries(values).flatMap(([tag, value], i) =>
        typeof value === 'object' ? [] : [JSON.stringify([run, tag, Number(step), Number(places[i]?.split(',')[3]), Number(value)])],
      );
    });
  }

  removeRun(project: string, run: string): boolean {
    for (const table of ['metrics', 'configs']) this.projects.get(project)?.prepare(`delete from ${table} where run_id = ?`).run(run);
    return true;
  }

  /** As a person does on the dashboard: Trackio writes the rows anew, without their ids. */
  renameRun(project: string, run: string, name: string): void {
    this.projects.get(project)?.prepare('update metrics set run_name = ?, log_id = null where run_id = ?').run(name, run);
  }

  async close(): Promise<void> {
    clearInterval(this.#inbox);
    await this.server.close();
    for (const database of this.projects.values()) database.close();
  }

  #isAllowed({ headers }: StubRequest): boolean {
    return headers['x-trackio-write-token'] === this.#token;
  }

  #databaseOf(project: string): DatabaseSync {
    if (!/^[A-Za-z0-9_-]+$/.test(project)) this.#complain(`the project ${JSON.stringify(project)} would be stored under another name`);
    let database = this.projects.get(project);
    if (database === undefined) {
      database = new DatabaseSync(':memory:');
      database.exec(SCHEMA);
      this.projects.set(project, database);
    }
    return database;
  }

  #query(project: string, query: string): object {
    const database = this.projects.get(project);
    if (database === undefined) throw new ApiError(500, `Project '${project}' not found.`);
    if (!/^select\b/i.test(query)) this.#complain(`not a query that only reads: ${query.slice(0, 100)}`);
    const rows = database.prepare(query).all();
    if (rows.length > QUERY_ROWS) throw new ApiError(500, `Query returned more than ${QUERY_ROWS} rows.`);
    return { project, query, rows };
  }

  /** As the real one: every file at once, and none where a row is refused. */
  importFrom(folder: string): void {
    const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
    const files = names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name));
    const lines = files.flatMap((file) => readFileSync(file, 'utf8').trimEnd().split('\n'));
    try {
      const rows = lines.map((line) => JSON.parse(line, asPython as Parameters<typeof JSON.parse>[1]) as Fields);
      for (const row of rows) {
        const { v, kind, timestamp, ...fields } = row;
        if (JSON.stringify(v) !== '1' || kind !== 'metric') this.#complain(`no record of an inbox: ${JSON.stringify(row).slice(0, 200)}`);
        if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/.test(String(timestamp))) this.#complain(`no date: ${timestamp}`);
        this.#store(fields, String(timestamp));
      }
      for (const file of files) rmSync(file);
    } catch (error) {
      this.#complain(`the import stopped: ${String(error)}`);
    }
  }

  /** Stores the rows that were forgotten. */
  remember(): void {
    for (const entry of this.forgotten.splice(0)) this.#store(entry, new Date().toISOString());
  }

  #log(logs: readonly Fields[], { isPart }: StubRequest): void {
    for (const entry of this.rival?.(logs) ?? []) this.#store(entry, new Date().toISOString());
    this.rival = undefined;
    if (this.forgets > 0) {
      this.forgets--;
      this.forgotten.push(...logs);
      return;
    }
    for (const entry of isPart ? logs.slice(0, logs.length / 2) : logs) this.#store(entry, new Date().toISOString());
  }

  #store(entry: Fields, timestamp: string): void {
    const { project, run, run_id: id, metrics, step, log_id: logId, config, ...others } = entry;
    if (typeof logId !== 'string' || typeof id !== 'string') this.#complain(`a row without an id: ${JSON.stringify(entry).slice(0, 200)}`);
    if (Object.keys(others).length > 0) this.#complain(`fields that Trackio ignores: ${Object.keys(others).join(', ')}`);
    if (String(run) === '' || String(run).includes('\0')) this.#complain(`a run named ${JSON.stringify(run)}`);
    for (const key of Object.keys(metrics as object)) {
      if (this.refused.has(key)) throw new ApiError(500, 'str is not valid UTF-8: surrogates not allowed');
      if (['project', 'run', 'timestamp', 'step', 'time', 'metrics', ''].includes(key)) this.#complain(`the key ${key} is Trackio's own`);
    }
    const database = this.#databaseOf(String(project));
    database
      .prepare('insert or ignore into metrics (timestamp, run_id, run_name, step, metrics, log_id) values (?, ?, ?, ?, ?, ?)')
      .run(timestamp, String(id), String(run), BigInt(JSON.stringify(step)), JSON.stringify(metrics), String(logId));
    if (config === undefined || config === null) return;
    database
      .prepare('insert or replace into configs (run_id, run_name, config) values (?, ?, ?)')
      .run(String(id), String(run), JSON.stringify(config));
  }

  #upload(request: StubRequest): StubAnswer {
    if (!this.#isAllowed(request)) return { status: 400, body: { error: 'A write_token is required to upload files to this server.' } };
    const border = /boundary=(\S+)$/.exec(request.headers['content-type'] ?? '')?.[1] ?? '';
    if (this.#borders.has(border)) this.#complain(`content may have the boundary ${border}, which was there before`);
    this.#borders.add(border);
    const paths: string[] = [];
    const { body } = request;
    for (let at = body.indexOf(`--${border}\r\n`); at >= 0; at = body.indexOf(`--${border}\r\n`, at + 1)) {
      const start = body.indexOf('\r\n\r\n', at) + 4;
      const path = `/tmp/trackio-upload-${this.#uploads++}`;
      this.#uploaded.set(path, body.subarray(start, body.indexOf(`\r\n--${border}`, start)));
      paths.push(path);
    }
    return { body: { paths } };
  }

  /** Takes over what was uploaded. */
  #take(upload: Fields): Buffer {
    const { path } = upload['uploaded_file'] as { readonly path: string };
    const data = this.#uploaded.get(path);
    if (data === undefined) throw new ApiError(400, 'Uploaded file was not created by this Trackio server.');
    this.#uploaded.delete(path);
    return data;
  }

  #keepMedia(uploads: readonly Fields[]): void {
    for (const upload of uploads) {
      const { orig_name: name } = upload['uploaded_file'] as { readonly orig_name: string };
      const run = String(upload['run']);
      if (!/^[\w.-]+$/.test(run) || !/^[\w.-]+$/.test(name)) this.#complain(`a file of no safe name: ${run}/${name}`);
      this.media.set(`${MEDIA}/${upload['project']}/${run}/${name}`, this.#take(upload));
    }
  }

  #keepBlobs(project: string, uploads: readonly Fields[]): void {
    for (const upload of uploads) {
      const data = this.#take(upload);
      const digest = createHash('sha256').update(data).digest('hex');
      if (digest !== upload['digest']) throw new ApiError(400, `blob digest mismatch: ${digest}`);
      this.blobs.set(`${project}/${digest}`, data);
    }
  }

  #logArtifact({ project, name, manifest, run_id: run, overwrite }: Fields): void {
    const entries = manifest as readonly { readonly path: string; readonly digest: string }[];
    if (!/^[A-Za-z0-9._-]+$/.test(String(name))) throw new ApiError(400, `Artifact name ${name} must match ^[A-Za-z0-9._-]+$`);
    for (const { path, digest } of entries) {
      if (path.split('/').some((part) => ['', '.', '..'].includes(part))) throw new ApiError(400, `Invalid artifact path ${path}`);
      if (!this.blobs.has(`${project}/${digest}`)) throw new ApiError(400, `Manifest references blobs not on server: ${digest}`);
    }
    if (overwrite !== true) this.#complain('an artifact that keeps its former versions');
    const database = this.#databaseOf(String(project));
    database.prepare('insert or ignore into artifacts (name) values (?)').run(String(name));
    const { id } = database.prepare('select id from artifacts where name = ?').get(String(name)) as { id: number };
    const last = database.prepare('select max(version) as last from artifact_versions where artifact_id = ?').get(id) as {
      last: number | null;
    };
    database.prepare('delete from artifact_versions where artifact_id = ?').run(id);
    database
      .prepare('insert into artifact_versions (artifact_id, version, manifest, producer_run_id) values (?, ?, ?, ?)')
      .run(id, (last.last ?? -1) + 1, JSON.stringify(manifest), String(run));
  }

  #complain(what: string): void {
    this.server.complaints.push(what);
  }
}

/** Numbers as Python reads them, and orjson writes them: digits alone are an integer, of 64 bits at most. */
function asPython(_: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  const isInteger = /^-?\d+$/.test(source);
  if (isInteger && (BigInt(source) < LEAST || BigInt(source) > MOST)) throw new ApiError(500, 'Integer exceeds 64-bit range');
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return raw(source === '-0' ? '0' : source);
}
