/**
 * A W&B-compatible server that is not W&B: whatever such servers do differently, at once. It takes no notice of places
 * (every line is put behind the last), counts no lines, takes any key, has one namespace of run ids for all projects,
 * keeps no group and no job type, says of every run that it is new, lists files without pages, cannot unpack bodies,
 * and has no NULL in its tables. What it keeps is on the disk: another one can go on with it. It shares nothing with
 * the stand-in of the service.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

interface KeptRun {
  readonly id: string;
  readonly project: string;
  readonly entity: string;
  displayName: string;
  config: Record<string, unknown>;
  state: string;
  files: string[];
}

const HISTORY = 'wandb-history.jsonl';

export class WandbRoughServer {
  readonly #dir: string;
  readonly #server: Server;
  /** Requests of the stream so far. */
  streamed = 0;
  /** Says whether a stream request, by its number, is cut off once it is stored, or before that. */
  mood: (n: number) => 'cutStored' | 'cutUnstored' | undefined = () => undefined;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#server = createServer((request, response) => void this.#handle(request, response).catch(() => response.destroy()));
  }

  static async start(dir: string, port = 0): Promise<WandbRoughServer> {
    const server = new WandbRoughServer(dir);
    await new Promise<void>((resolve) => server.#server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get runs(): KeptRun[] {
    const index = join(this.#dir, 'runs.json');
    return existsSync(index) ? (JSON.parse(readFileSync(index, 'utf8')) as KeptRun[]) : [];
  }

  /** Stored lines by the run's display name. */
  lines(displayName: string): string[] {
    const found = this.runs.filter((run) => run.displayName === displayName);
    if (found.length !== 1) throw new Error(`${found.length} runs are named ${displayName}`);
    const path = this.#pathOf(found[0] as KeptRun, HISTORY);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  #keep(runs: readonly KeptRun[]): void {
    writeFileSync(join(this.#dir, 'runs.json'), JSON.stringify(runs));
  }

  #pathOf({ entity, project, id }: Pick<KeptRun, 'entity' | 'project' | 'id'>, name: string): string {
    return join(this.#dir, 'files', entity, project, id, name);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const answer = (status: number, content: string | Buffer, type = 'application/json'): void => {
      response.writeHead(status, { 'content-type': type }).end(content);
    };
    const url = decodeURI(request.url ?? '/');
    if (url === '/graphql') return answer(200, JSON.stringify(this.#graph(JSON.parse(body.toString('utf8')) as GraphRequest)));
    const [, entity = '', project = '', id = '', name = ''] = /^\/files\/([^/]+)\/([^/]+)\/([^/]+)\/(.+)$/.exec(url) ?? [];
    const place = { entity: decodeURIComponent(entity), project: decodeURIComponent(project), id };
    if (request.method === 'POST' && name === 'file_stream') {
      const mood = this.mood(++this.streamed);
      if (mood === 'cutUnstored') return void response.destroy();
      if (request.headers['content-encoding'] === 'gzip') {
        answer(500, 'Internal Server Error', 'text/plain');
        return void response.destroy();
      }
      const problem = this.#stream(place, JSON.parse(body.toString('utf8')) as StreamRequest);
      if (mood === 'cutStored') return void response.destroy();
      return problem === undefined ? answer(200, '{"exitcode":null,"limits":{}}') : answer(500, JSON.stringify({ detail: problem }));
    }
    if (request.method === 'PUT') {
      const path = this.#pathOf(place, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, body);
      const runs = this.runs;
      const run = runs.find((each) => each.id === id);
      if (run !== undefined && !run.files.includes(name)) run.files.push(name);
      this.#keep(runs);
      return answer(200, '{"success":true}');
    }
    const path = this.#pathOf(place, name);
    if (name !== '' && existsSync(path)) answer(200, readFileSync(path), 'application/octet-stream');
    else if (name === '') answer(200, '<!doctype html><title>tracking</title>', 'text/html');
    else answer(404, '{"detail":"File not found"}');
  }

  #stream(place: Pick<KeptRun, 'entity' | 'project' | 'id'>, { files = {}, complete = false }: StreamRequest): string | undefined {
    for (const line of files[HISTORY]?.content ?? []) {
      // As a database takes it that has no NaN: as nothing, which a column may not be.
      if (/"_timestamp":NaN/.test(line)) return 'Internal server error: IntegrityError. Please retry.';
    }
    const path = this.#pathOf(place, HISTORY);
    mkdirSync(dirname(path), { recursive: true });
    for (const line of files[HISTORY]?.content ?? []) appendFileSync(path, `${line}\n`);
    if (complete) {
      const runs = this.runs;
      for (const run of runs) if (run.id === place.id) run.state = 'finished';
      this.#keep(runs);
    }
    return undefined;
  }

  #graph({ query, variables = {} }: GraphRequest): object {
    const text = (name: string): string => (typeof variables[name] === 'string' ? String(variables[name]) : '');
    if (query.includes('viewer')) return { data: { viewer: { id: '1', entity: 'default', username: 'admin' } } };
    if (query.includes('pageInfo') || query.includes('history(') || query.includes('deleteRun')) {
      return { data: null, errors: [{ message: "Cannot query field 'pageInfo' on type 'FileConnectionType'." }] };
    }
    const runs = this.runs;
    if (query.includes('upsertBucket')) {
      let run = runs.find(({ id }) => id === text('name'));
      if (run === undefined) {
        run = {
          id: text('name'),
          project: text('project'),
          entity: text('entity') || 'default',
          displayName: text('displayName'),
          config: {},
          state: 'running',
          files: [],
        };
        runs.push(run);
      }
      if (text('displayName') !== '') run.displayName = text('displayName');
      if (text('config') !== '') Object.assign(run.config, JSON.parse(text('config')));
      this.#keep(runs);
      return { data: { upsertBucket: { bucket: bucketOf(run), inserted: true } } };
    }
    const run = runs.find(({ id }) => id === (text('name') || text('run')));
    if (query.includes('createRunFiles')) {
      const names = (variables['files'] ?? []) as string[];
      const base = `${this.url}/files/${run?.entity}/${run?.project}/${run?.id}`;
      return {
        data: {
          createRunFiles: { runID: run?.id, uploadHeaders: [], files: names.map((name) => ({ name, uploadUrl: `${base}/${name}` })) },
        },
      };
    }
    if (query.includes('files(')) {
      const edges = (run?.files ?? []).map((name) => {
        const sizeBytes = statSync(this.#pathOf(run as KeptRun, name)).size;
        return { node: { name, sizeBytes, directUrl: `${this.url}/files/${run?.entity}/${run?.project}/${run?.id}/${name}` } };
      });
      return { data: { project: { run: run === undefined ? null : { files: { edges } } } } };
    }
    const entity = { name: text('entity') || 'default' };
    return { data: { model: { id: '1', name: text('project'), entity, bucket: run === undefined ? null : bucketOf(run) } } };
  }
}

interface GraphRequest {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

interface StreamRequest {
  readonly files?: Readonly<Record<string, { readonly content: readonly string[] }>>;
  readonly complete?: boolean;
}

function bucketOf({ id, displayName, config, project, entity }: KeptRun): object {
  return {
    id: `1-${id}`,
    name: id,
    displayName,
    config: JSON.stringify(config),
    summaryMetrics: '{}',
    tags: [],
    historyLineCount: 0,
    historyTail: null,
    project: { name: project, entity: { name: entity } },
  };
}
