/**
 * A strict stand-in of the W&B service: checks the key, stores lines by their place, refuses gaps and lines that are
 * no JSON, and notes what a good client never does. The official client works against it (see
 * test/contract/wandb-sdk.test.ts).
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { close, listen, urlOf } from '../../../src/testing/loopback.ts';
import { type FaultOptions, FaultRules, type StubFault } from '../mlflow-stub/fault-rules.ts';
import { mediaIn, readLine } from './rows.ts';
import { HISTORY, historyOf, type StubRun, SUMMARY, WandbStore } from './store.ts';

export { historyOf, type StubRun } from './store.ts';

export interface WandbStubOptions {
  /** Default `stub-key-0123456789`. */
  readonly key?: string;
  readonly entity?: string;
  /** So late counts of lines are. Default 0. */
  readonly lateCountMs?: number;
  /** Takes no notice of places, and counts nothing: as a compatible server does. */
  readonly appends?: boolean;
  /** Longest body of a stream request. Default 10 MiB. */
  readonly mostBytes?: number;
  /** Upload addresses live for this many uses. Default: without end. */
  readonly uploadUses?: number;
  /** It has no list of runs. */
  readonly noRunList?: boolean;
  /** It has no list of files: it knows no such field, or leaves it empty. */
  readonly noFileList?: 'unknown' | 'null';
  /** Where a file is to go instead of the stub itself; undefined: to the stub. */
  readonly uploadUrl?: (file: string) => unknown;
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

type Fields = Record<string, unknown>;

export class WandbStub {
  readonly store = new WandbStore();
  /** What a good client never does. Tests expect none. */
  readonly violations: string[] = [];
  /** Requests by what they are: `file_stream`, `upload`, `UpsertBucket`. */
  readonly counts = new Map<string, number>();
  /** Requests of which the head came, their bodies or not. */
  begun = 0;
  readonly key: string;
  readonly entity: string;
  readonly #options: WandbStubOptions;
  readonly #server: Server;
  readonly #faults = new FaultRules();
  readonly #streaming = new Set<string>();
  readonly #uploads = new Map<string, { readonly run: StubRun; readonly name: string; uses: number }>();
  #uploadCount = 0;

  private constructor(options: WandbStubOptions) {
    this.#options = options;
    this.key = options.key ?? 'stub-key-0123456789abcdef0123456789abcdef0123';
    this.entity = options.entity ?? 'stub-team';
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.violations.push(`the stub failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(options: WandbStubOptions = {}): Promise<WandbStub> {
    const stub = new WandbStub(options);
    await listen(stub.#server);
    return stub;
  }

  get url(): string {
    return urlOf(this.#server);
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  fail(fault: StubFault, options: FaultOptions = {}): void {
    this.#faults.add(fault, options);
  }

  /** Faults that have not happened yet. */
  get faultsLeft(): number {
    return this.#faults.left;
  }

  heal(): void {
    this.#faults.clear();
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  runs(): StubRun[] {
    return this.store.active();
  }

  /** A run by its name. */
  run(name: string): StubRun {
    const found = this.runs().filter(({ displayName }) => displayName === name);
    if (found.length !== 1) throw new Error(`${found.length} runs are named ${name}`);
    return found[0] as StubRun;
  }

  deleteRun(id: string): void {
    for (const run of this.runs()) if (run.id === id) run.isDeleted = true;
  }

  // --- requests ---

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.begun++;
    const body = await readBody(request);
    if (body === undefined) return;
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const graph = path === '/graphql' ? readGraph(body) : undefined;
    const stream = /^\/files\/([^/]+)\/([^/]+)\/([^/]+)\/file_stream$/.exec(path);
    const endpoint = stream !== null ? 'file_stream' : path.startsWith('/upload/') ? 'upload' : (graph?.name ?? 'other');
    this.counts.set(endpoint, this.count(endpoint) + 1);
    const refusal = endpoint === 'upload' ? this.#uploadRefusal(request) : this.#refusal(request);
    if (refusal !== undefined) return send(response, refusal);
    const fault = this.#faults.next(endpoint);
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const early = earlyAnswer(fault);
    if (early !== undefined) return send(response, early);
    if (fault?.kind === 'hang' && !fault.stored) return;
    if (fault?.kind === 'close' && !fault.stored) return void response.destroy();
    let answer: Answer;
    if (stream !== null) {
      const id = stream.slice(1).join('/');
      if (this.#streaming.has(id)) this.violations.push(`two stream requests of ${id} at the same time`);
      this.#streaming.add(id);
      // A moment as a server takes it: two requests of a run meet only if they are sent at once.
      await new Promise((resolve) => setImmediate(resolve));
      answer = this.#stream(stream.slice(1).map(decodeURIComponent), request, body, fault?.kind === 'part');
      this.#streaming.delete(id);
    } else if (graph !== undefined) answer = this.#graph(graph.name, graph.variables, graph.query);
    else if (endpoint === 'upload') answer = this.#upload(path, request.method ?? '', body);
    else if (path === '/graphql') answer = json(400, { errors: [{ message: 'a body that is no GraphQL request' }] });
    else answer = this.#file(path);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'close') return void response.destroy();
    send(response, answer);
  }

  /**
   * Whether it asks for headers that no upload needs: ours leaves them out, the official client sends whatever it is
   * told.
   */
  namesOddHeaders = true;

  #refusal({ headers: { authorization = '' } }: IncomingMessage): Answer | undefined {
    const wanted = `Basic ${Buffer.from(`api:${this.key}`).toString('base64')}`;
    return authorization === wanted ? undefined : json(401, { errors: [{ message: 'user is not logged in' }] });
  }

  #uploadRefusal({ headers }: IncomingMessage): Answer | undefined {
    if (headers.authorization !== undefined) this.violations.push('the key was sent to an upload address');
    if (headers['x-amz-meta-upload'] !== 'yes') this.violations.push('an upload without the headers that were asked for');
    if ('authorization' in headers || 'x-other' in headers) this.violations.push('an upload with headers that no upload needs');
    return undefined;
  }

  #graph(name: string, variables: Fields, query: string): Answer {
    const text = (key: string): string => (typeof variables[key] === 'string' ? (variables[key] as string) : '');
    const entity = text('entity') || text('entityName') || this.entity;
    const project = text('project') || text('projectName') || text('p') || 'uncategorized';
    const found = this.store.find(entity, project, text('name') || text('run') || text('runName'));
    switch (name) {
      case 'Viewer':
        return data({ viewer: this.#viewer() });
      case 'ServerFeaturesQuery':
        return data({ serverInfo: { features: [] } });
      case 'UpsertBucket':
        return this.#upsert(entity, project, variables, text);
      case 'RunResumeStatus':
        return data({
          model: {
            id: project,
            name: project,
            entity: { id: entity, name: entity },
            bucket: found === undefined ? null : this.#bucket(found),
          },
        });
      case 'CreateRunFiles':
        if (found === undefined) return data({ createRunFiles: null }, ['run not found']);
        return data({
          createRunFiles: {
            runID: found.storageId,
            uploadHeaders: ['X-Amz-Meta-Upload:yes', ...(this.namesOddHeaders ? ['Authorization: Basic of-somebody', 'X-Other: no'] : [])],
            files: ((variables['files'] ?? []) as string[]).map((file) => ({
              name: file,
              uploadUrl: this.#options.uploadUrl?.(file) ?? this.#uploadUrl(found, file),
            })),
          },
        });
      case 'HistoryPage': {
        if (found === undefined) return data({ project: { run: null } });
        const [from, to] = [Number(variables['minStep']), Number(variables['maxStep'])];
        const rows = historyOf(found).filter((line) => {
          const step = Number(readLine(line)?.['_step']);
          return step >= from && step < to;
        });
        // The service has no bare words in what it gives back.
        const plain = rows.map((line) => line.replace(/:(NaN|-?Infinity)(?=[,}])/g, ':"$1"'));
        return data({ project: { run: { history: plain.slice(0, Number(variables['pageSize'])) } } });
      }
      case 'Runs':
        if (this.#options.noRunList === true) return data({}, ['Cannot query field "runs" on type "Project".']);
        return data({ project: this.#runsPage(entity, project, variables) });
      case 'RunFiles':
        if (this.#options.noFileList === 'unknown') return data({}, ['Cannot query field "files" on type "Run".']);
        if (this.#options.noFileList === 'null') return data({ project: { run: { files: null } } });
        return data({
          project: {
            run: found && { files: { edges: this.#fileNodes(found), pageInfo: { endCursor: null, hasNextPage: false } } },
          },
        });
      case 'DeleteRun': {
        const run = this.runs().find(({ storageId }) => storageId === variables['id']);
        if (run !== undefined) run.isDeleted = true;
        return data({ deleteRun: { success: run !== undefined } });
      }
      case 'ReadBack':
        return data({ project: { entity: { name: this.entity }, runs: { edges: this.#readBack(text('e') || this.entity, project) } } });
      case 'ServerInfo':
      case 'QueryServerInfo':
        return data({ serverInfo: { cliVersionInfo: { max_cli_version: '9.9.9' }, latestLocalVersionInfo: null, features: [] } });
      default:
        if (/\bviewer\b/.test(query)) return data({ viewer: this.#viewer() });
        if (/\bserverInfo\b/.test(query)) return data({ serverInfo: { features: [], cliVersionInfo: null, latestLocalVersionInfo: null } });
        // Older clients ask which fields there are.
        if (query.includes('__type')) {
          const known = { fields: [{ name: 'createRunFiles' }], inputFields: [] };
          const types = [...query.matchAll(/(\w+)\s*:\s*__type/g)].map(([, alias]) => [alias, known]);
          return data(Object.fromEntries(types));
        }
        return json(400, { errors: [{ message: `Cannot query ${name}` }] });
    }
  }

  #viewer(): object {
    return {
      id: 'VXNlcjox',
      entity: this.entity,
      username: 'stub-user',
      name: 'stub-user',
      email: 'stub@example.com',
      admin: false,
      flags: '{}',
      teams: { edges: [{ node: { id: 'RW50', name: this.entity } }] },
      apiKeys: { edges: [] },
    };
  }

  #upsert(entity: string, project: string, variables: Fields, text: (key: string) => string): Answer {
    const id = text('name');
    const byStorage = this.runs().find(({ storageId }) => storageId === variables['id']);
    if (id === '' && byStorage === undefined) return data({ upsertBucket: null }, ['a run without a name']);
    if (/[:;,#?/']/.test(id) || id.trim() !== id) return data({ upsertBucket: null }, [`the id ${id} is not legal`]);
    if (project.length > 128 || /[/\\#?%:]/.test(project)) return data({ upsertBucket: null }, [`the project ${project} is not legal`]);
    if (this.store.wasDeleted(entity, project, id))
      return json(409, { error: `run ${id} was previously created and deleted; try a new run name` });
    const old = byStorage ?? this.store.find(entity, project, id);
    const run = old ?? this.store.make(entity, project, id);
    if (text('displayName') !== '') run.displayName = text('displayName');
    if (text('groupName') !== '') run.group = text('groupName');
    if (text('jobType') !== '') run.jobType = text('jobType');
    if (text('notes') !== '') run.notes = text('notes');
    if (text('summaryMetrics') !== '') run.summary = text('summaryMetrics');
    if (text('config') !== '') {
      const config = readLine(text('config'));
      if (config === undefined) return data({ upsertBucket: null }, ['config is no JSON']);
      for (const [key, value] of Object.entries(config)) {
        if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'value'))
          this.violations.push(`the config's ${key} is not wrapped`);
      }
      run.config = text('config');
    }
    if (Array.isArray(variables['tags'])) {
      run.tags = variables['tags'].map(String);
      const odd = run.tags.filter((tag) => tag.length < 1 || [...tag].length > 64);
      if (odd.length > 0) return data({ upsertBucket: null }, [`tags of 1 to 64 characters, not ${odd.join(', ')}`]);
    }
    if (old === undefined || text('state') === 'running') run.state = 'running';
    return data({ upsertBucket: { bucket: this.#bucket(run), inserted: old === undefined } });
  }

  #bucket(run: StubRun): object {
    const { storageId, id, displayName, summary, config, tags, notes, project, entity } = run;
    const lines = historyOf(run);
    const tail = lines.length === 0 ? '[]' : JSON.stringify([lines.at(-1)]);
    return {
      id: storageId,
      name: id,
      displayName,
      description: '',
      config,
      summaryMetrics: summary,
      tags,
      notes,
      sweepName: null,
      project: { id: project, name: project, entity: { id: entity, name: entity } },
      historyLineCount: this.#lineCount(run),
      logLineCount: 0,
      eventsLineCount: 0,
      historyTail: tail,
      eventsTail: '[]',
      wandbConfig: JSON.stringify({ t: { 12: 'x' } }),
    };
  }

  #lineCount(run: StubRun): number {
    if (this.#options.appends === true) return 0;
    const { lateCountMs = 0 } = this.#options;
    if (Date.now() - run.changedMs >= lateCountMs) run.countedLines = historyOf(run).length;
    return run.countedLines;
  }

  #fileNodes(run: StubRun): object[] {
    return [...run.files].map(([name, content]) => ({
      node: { id: name, name, sizeBytes: String(content.length), directUrl: '', url: '', updatedAt: null },
    }));
  }

  /** Null where there is no such project. The cursor is the place of the last run. */
  #runsPage(entity: string, project: string, { after, first }: Fields): object | null {
    const runs = this.runs().filter((run) => run.entity === entity && run.project === project);
    if (runs.length === 0) return null;
    const from = typeof after === 'string' ? Number(Buffer.from(after, 'base64').toString()) : 0;
    const to = from + Math.min(Number(first ?? 50), 1000);
    const edges = runs.slice(from, to).map(({ id, displayName, config }) => ({ node: { name: id, displayName, config } }));
    const endCursor = edges.length === 0 ? null : Buffer.from(String(from + edges.length)).toString('base64');
    return { runs: { edges, pageInfo: { endCursor, hasNextPage: to < runs.length } } };
  }

  #readBack(entity: string, project: string): object[] {
    const runs = this.runs().filter((run) => run.entity === entity && run.project === project);
    return runs.map((run) => ({
      node: {
        id: run.storageId,
        name: run.id,
        displayName: run.displayName,
        state: run.state,
        config: run.config,
        summaryMetrics: run.summary,
        tags: run.tags,
        notes: run.notes,
        group: run.group,
        jobType: run.jobType,
        historyLineCount: historyOf(run).length,
        files: { edges: this.#fileNodes(run) },
      },
    }));
  }

  #stream(parts: readonly string[], request: IncomingMessage, raw: Buffer, isPart: boolean): Answer {
    const [entity = '', project = '', id = ''] = parts;
    const run = this.store.find(entity, project, id);
    if (run === undefined) return json(404, { error: 'run not found' });
    if (raw.length > (this.#options.mostBytes ?? 10 * 1024 * 1024)) return json(413, { error: 'request too large' });
    const isZipped = request.headers['content-encoding'] === 'gzip';
    if (isZipped) this.violations.push('a compressed body, which was not asked for');
    let body: Fields;
    try {
      body = JSON.parse((isZipped ? gunzipSync(raw) : raw).toString('utf8')) as Fields;
    } catch {
      this.violations.push('a body that is no JSON');
      return json(400, { error: 'not JSON' });
    }
    const files = (body['files'] ?? {}) as Record<string, { offset?: unknown; content?: unknown }>;
    for (const [name, { offset, content }] of Object.entries(files)) {
      const problem = this.#store(run, name, Number(offset ?? 0), Array.isArray(content) ? content.map(String) : [], isPart);
      if (problem !== undefined) {
        this.violations.push(`${id}: ${problem}`);
        return json(400, { error: problem });
      }
    }
    if (isPart) return json(500, { error: 'the disk is full' });
    for (const name of (body['uploaded'] ?? []) as string[]) {
      if (!run.files.has(name)) this.violations.push(`${name} is named as uploaded, and is not there`);
    }
    if (body['complete'] === true) run.state = body['exitcode'] === 0 ? 'finished' : 'failed';
    else run.state = 'running';
    return json(200, { exitcode: null, limits: {} });
  }

  /** What is wrong with lines; undefined where they are stored. */
  #store(run: StubRun, name: string, offset: number, content: readonly string[], isPart: boolean): string | undefined {
    if (name === SUMMARY) {
      const [text = ''] = content;
      if (content.length !== 1 || readLine(text) === undefined) return 'a summary that is not one object';
      if (!isPart) run.summary = text;
      return undefined;
    }
    const stored = run.streams.get(name) ?? [];
    if (this.#options.appends !== true && offset > stored.length)
      return `lines of ${name} from ${offset} on, and ${stored.length} are there`;
    for (const line of name === HISTORY ? content : []) {
      const row = readLine(line);
      if (row === undefined) return `a line that is no JSON object: ${line.slice(0, 200)}`;
      if (line.length > 10_383_360) return 'a line that is too long';
      if (!Number.isInteger(row['_step'])) return 'a row without a whole _step';
      for (const path of mediaIn(row))
        if (!run.files.has(path)) this.violations.push(`a row names ${path}, which was not uploaded before it`);
    }
    const taken = isPart ? content.slice(0, content.length >> 1) : content;
    if (this.#options.appends === true) stored.push(...taken);
    else {
      for (const [i, line] of taken.entries()) {
        const old = stored[offset + i];
        if (old !== undefined && old !== line && name === HISTORY)
          this.violations.push(`line ${offset + i} was ${old.slice(0, 100)}, and became ${line.slice(0, 100)}`);
        stored[offset + i] = line;
      }
    }
    run.streams.set(name, stored);
    if (name === HISTORY) run.changedMs = Date.now();
    return undefined;
  }

  #uploadUrl(run: StubRun, name: string): string {
    const token = `t${++this.#uploadCount}`;
    this.#uploads.set(token, { run, name, uses: this.#options.uploadUses ?? Infinity });
    return `${this.url}/upload/${token}?signature=${token}`;
  }

  #upload(path: string, method: string, body: Buffer): Answer {
    const upload = this.#uploads.get(path.slice('/upload/'.length));
    if (upload === undefined || upload.uses <= 0) return { status: 403, body: 'the address has expired' };
    upload.uses--;
    if (method !== 'PUT') return { status: 405, body: '' };
    upload.run.files.set(upload.name, body);
    return { status: 200, body: '' };
  }

  #file(path: string): Answer {
    const [, entity, project, id, ...rest] = path.split('/').slice(1).map(decodeURIComponent);
    const run = path.startsWith('/files/') ? this.store.find(entity ?? '', project ?? '', id ?? '') : undefined;
    const name = rest.join('/');
    if (run === undefined) return json(404, { error: 'not found' });
    if (name === SUMMARY) return { status: 200, body: run.summary };
    const lines = run.streams.get(name);
    if (lines !== undefined) return { status: 200, body: lines.map((line) => `${line}\n`).join('') };
    const content = run.files.get(name);
    return content === undefined ? json(404, { error: 'not found' }) : { status: 200, body: content };
  }
}

function readGraph(body: Buffer): { readonly name: string; readonly query: string; readonly variables: Fields } | undefined {
  try {
    const { operationName, query, variables } = JSON.parse(body.toString('utf8')) as Fields;
    if (typeof query !== 'string' || operationName === '') return undefined;
    const name = typeof operationName === 'string' ? operationName : (/(?:query|mutation)\s+(\w+)/.exec(query)?.[1] ?? '');
    return { name, query, variables: (variables ?? {}) as Fields };
  } catch {
    return undefined;
  }
}

/** The answer of a fault that stores nothing. */
function earlyAnswer(fault: StubFault | undefined): Answer | undefined {
  switch (fault?.kind) {
    case 'tooMany': {
      const { afterSec, asDate = false } = fault;
      const value = asDate ? new Date(Date.now() + (afterSec ?? 0) * 1000).toUTCString() : String(afterSec);
      return { ...json(429, { error: 'rate limit exceeded' }), ...(afterSec === undefined ? {} : { headers: { 'retry-after': value } }) };
    }
    case 'status':
      return json(fault.status, { error: `status ${fault.status}` });
    case 'error':
    case 'html':
      return { status: 502, body: '<html><body>Bad Gateway</body></html>', headers: { 'content-type': 'text/html' } };
    case 'denied':
      return json(401, { errors: [{ message: 'user is not logged in' }] });
    default:
      return undefined;
  }
}

/** The whole body; undefined where the client went away. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}

function data(value: object, errors: readonly string[] = []): Answer {
  return json(200, { data: value, ...(errors.length === 0 ? {} : { errors: errors.map((message) => ({ message })) }) });
}

function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value), headers: { 'content-type': 'application/json' } };
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
