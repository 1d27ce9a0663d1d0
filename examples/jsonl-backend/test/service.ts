// The part of the service that this backend uses: in memory, over HTTP, with strict checks of requests.
import { createHash } from 'node:crypto';
import { type StubAnswer, type StubRequest, StubServer } from 'mirrorboard/testing';
import type { Run, RunFacts } from '../src/client.ts';

/** The number of lines in a page of points. */
const PAGE = 1000;
const MISSING: StubAnswer = { status: 404, body: 'there is no such run' };

interface Kept {
  facts: RunFacts;
  readonly lines: Map<string, string>;
  readonly files: Map<string, Buffer>;
}

export class Service {
  readonly runs = new Map<string, Kept>();
  /** The tags whose points the service refuses. */
  readonly refused = new Set<string>();
  readonly server: StubServer;

  private constructor(server: (service: Service) => StubServer) {
    this.server = server(this);
  }

  static async start(token: string): Promise<Service> {
    let service: Service | undefined;
    const of = (work: (service: Service, request: StubRequest) => StubAnswer) => (request: StubRequest) =>
      work(service as Service, request);
    const server = await StubServer.start({
      token,
      faultyRoutes: ['POST /runs/:id/points'],
      routes: {
        'GET /version': () => ({ body: { version: '1.4' } }),
        'GET /runs': of((it, { query }) => ({ body: it.list(query.get('key') ?? '') })),
        'GET /runs/:id': of((it, { params }) => it.with(params['id'], ({ facts }) => ({ body: { id: params['id'], ...facts } }))),
        'PUT /runs/:id': of((it, request) => it.create(request)),
        'PATCH /runs/:id': of((it, { params, body }) => it.with(params['id'], (run) => change(run, JSON.parse(body.toString())))),
        'DELETE /runs/:id': of((it, { params }) =>
          it.with(params['id'], () => ({ body: { removed: it.runs.delete(params['id'] ?? '') } })),
        ),
        'POST /runs/:id/points': of((it, request) => it.with(request.params['id'], (run) => it.store(run, request))),
        'GET /runs/:id/points': of((it, { params, query }) => it.with(params['id'], (run) => page(run, Number(query.get('from'))))),
        'PUT /runs/:id/files/*path': of((it, { params, body }) => it.with(params['id'], (run) => keep(run, params['path'] ?? '', body))),
        'GET /runs/:id/files': of((it, { params }) => it.with(params['id'], ({ files }) => ({ body: [...files].map(listed) }))),
      },
    });
    service = new Service(() => server);
    return service;
  }

  with(id: string | undefined, work: (run: Kept) => StubAnswer): StubAnswer {
    const run = this.runs.get(id ?? '');
    return run === undefined ? MISSING : work(run);
  }

  list(key: string): Run[] {
    return [...this.runs].filter(([, { facts }]) => facts.key === key).map(([id, { facts }]) => ({ id, ...facts }) as Run);
  }

  create({ params: { id = '' }, body }: StubRequest): StubAnswer {
    if (this.runs.has(id)) return { status: 409, body: 'there is such a run already' };
    this.runs.set(id, { facts: JSON.parse(body.toString()) as RunFacts, lines: new Map(), files: new Map() });
    return { status: 201 };
  }

  store({ lines }: Kept, { body, isPart }: StubRequest): StubAnswer {
    const all = body
      .toString()
      .split('\n')
      .filter((line) => line !== '');
    const refused: Record<string, string> = {};
    for (const line of isPart ? all.slice(0, all.length / 2) : all) {
      const { id, tag } = JSON.parse(line) as { readonly id?: unknown; readonly tag?: string };
      if (typeof id !== 'string') this.server.complaints.push(`a line without an id: ${line.slice(0, 100)}`);
      else if (this.refused.has(tag ?? '')) refused[id] = 'this tag is not taken';
      else lines.set(id, line);
    }
    return { body: { refused } };
  }
}

function change(run: Kept, { files, params, ...rest }: Partial<RunFacts>): StubAnswer {
  const { facts } = run;
  run.facts = { ...facts, ...rest, files: { ...facts.files, ...files }, params: { ...facts.params, ...params } };
  return { body: {} };
}

function page({ lines }: Kept, from: number): StubAnswer {
  const body = [...lines.values()]
    .slice(from, from + PAGE)
    .map((line) => `${line}\n`)
    .join('');
  return { body, ...(from + PAGE < lines.size ? { headers: { 'x-next': String(from + PAGE) } } : {}) };
}

function keep({ files }: Kept, path: string, body: Buffer): StubAnswer {
  files.set(path, body);
  return { status: 201 };
}

function listed([path, body]: readonly [string, Buffer]): object {
  return { path, bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
}
