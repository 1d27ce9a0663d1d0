import { type Clock, systemClock } from '../../clock.ts';
import { cutText } from '../../errors.ts';
import {
  type AnswerFields,
  type Auth,
  type Fields,
  HttpClient,
  isPage,
  kindOf,
  MOST_LISTED,
  oddAnswer,
  type Page,
  PageSize,
  Pages,
  parseJson,
  readJson,
  taken,
  unusableAnswer,
} from '../../http/index.ts';
import { failed, failureOf, graphFailure, notTheApi, type WandbFailure, type WandbReply } from './answers.ts';
import { FileTransfer, filesPath, type LostFile } from './file-transfer.ts';
import { FILES_PAGE, SENDS_AT_ONCE, UPLOADS_AT_ONCE } from './limits.ts';
import type { StoredFile } from './map.ts';
import { ALL_FILES, DELETE_RUN, FEATURES, HISTORY, LAST_ROW, NOTES, RESUME_STATUS, UPSERT, VIEWER } from './queries.ts';
import type { RunPath } from './run-path.ts';
import type { WandbSettings } from './settings.ts';

/** A project by its entity and name. */
export type ProjectPath = Pick<RunPath, 'entity' | 'project'>;

/** The server's facts about a run. */
export interface WandbRunFacts extends RunPath {
  readonly storageId: string;
  readonly displayName: string;
  readonly lineCount: number;
  /** The whole configuration, as JSON. */
  readonly config: string;
  readonly summary: string;
  readonly tags: readonly string[];
}

/** A run of a project, as in a listing. */
export type ProjectRun = Pick<WandbRunFacts, 'id' | 'config'> & { readonly name: string };

/** The changes to a run; undefined fields do not change. */
export interface RunUpdate {
  readonly displayName?: string;
  readonly group?: string;
  readonly jobType?: string;
  readonly notes?: string;
  readonly tags?: readonly string[];
  /** The whole configuration, as JSON. */
  readonly config?: string;
  readonly state?: 'running';
}

/** The most characters of one error of an answer. */
const MOST_TEXT = 2000;
/** The most errors of one answer that are read. */
const MOST_ERRORS = 20;

/** The requests to the service that the backend needs, each with its parsed answer. */
export class WandbClient {
  readonly address: string;
  readonly #http: HttpClient;
  readonly #files: FileTransfer;

  constructor(
    settings: Pick<WandbSettings, 'baseUrl' | 'apiKey' | 'timeoutMs' | 'tls'> & Partial<Pick<WandbSettings, 'keyAgain' | 'headers'>>,
    clock: Clock = systemClock,
  ) {
    const { baseUrl, apiKey = '', timeoutMs, tls, keyAgain, headers = {} } = settings;
    this.#http = new HttpClient({
      baseUrl,
      timeoutMs,
      tls,
      clock,
      connections: SENDS_AT_ONCE + UPLOADS_AT_ONCE,
      headers,
      secrets: Object.values(headers),
      ...(apiKey === '' ? {} : { auth: authOf(apiKey) }),
      ...(keyAgain === undefined ? {} : { renewAuth: () => authOf(keyAgain()) }),
    });
    this.address = this.#http.address;
    this.#files = new FileTransfer(this.#http, this, { tls, timeoutMs, clock, secrets: apiKey === '' ? [] : [apiKey] });
  }

  /** Sends a GraphQL request to the service. */
  async graph(
    what: string,
    operationName: string,
    query: string,
    variables: Fields,
    signal: AbortSignal,
  ): Promise<WandbReply<AnswerFields>> {
    const body = JSON.stringify({ operationName, query, variables });
    const answer = await this.#http.send({
      method: 'POST',
      path: '/graphql',
      body,
      headers: { 'content-type': 'application/json' },
      isRead: query.startsWith('query'),
      mostBytes: Number.POSITIVE_INFINITY,
      signal,
    });
    if (answer.kind !== 'ok') {
      const failure = failureOf(answer, what, this.address);
      return failure.cause === 'gone' ? failed('address', failure.error.message, failure.error.context) : failure;
    }
    const source = { what, address: this.address };
    const read = readJson(answer, source);
    if (read.kind === 'notJson') return notTheApi(what, this.address);
    if (read.kind === 'failed') return unusableAnswer(read.error);
    const errors = taken(read, (fields) =>
      fields
        .list('errors')
        .slice(0, MOST_ERRORS)
        .map((error) => error.text('message', 'an error without a message')),
    );
    if (errors.kind !== 'ok') return errors;
    if (errors.value.length > 0)
      return graphFailure(
        errors.value.map((text) => cutText(text, MOST_TEXT)),
        what,
        this.address,
      );
    if (read.value.fields['data'] === undefined) return notTheApi(what, this.address);
    return taken(read, (fields) => fields.object('data'));
  }

  async viewer(
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly entity: string; readonly username: string; readonly clock: string | undefined }>> {
    const reply = await this.graph('asking who the key belongs to', 'Viewer', VIEWER, {}, signal);
    if (reply.kind !== 'ok') return reply;
    const viewer = taken(reply, (fields) => ({
      entity: fields.object('viewer').text('entity', ''),
      username: fields.object('viewer').text('username', ''),
    }));
    if (viewer.kind !== 'ok') return viewer;
    // The server answers an unknown key like this, not with a status.
    if (viewer.value.entity === '') {
      return failed('denied', `asking who the key belongs to: ${this.address} does not know the key`, { address: this.address });
    }
    return { kind: 'ok', value: { ...viewer.value, clock: undefined } };
  }

  /** Returns a run by its id; undefined if there is none. */
  async run(run: RunPath, signal: AbortSignal): Promise<WandbReply<WandbRunFacts | undefined>> {
    const { entity, project, id } = run;
    const reply = await this.graph(`looking for the run ${id}`, 'RunResumeStatus', RESUME_STATUS, named(run), signal);
    if (reply.kind !== 'ok') return reply;
    return taken(reply, (fields) => {
      const model = fields.object('model');
      if (!model.has('bucket')) return undefined;
      const bucket = model.object('bucket');
      // The real project and entity: servers with one namespace of ids also find a run of another project.
      const parent = bucket.object('project');
      return runFacts(bucket, { entity: entityOf(parent, entityOf(model, entity)), project: parent.text('name', project), id });
    });
  }

  /** Returns a page of a project's runs; servers that list no runs refuse it. */
  async runs(
    { entity, project }: ProjectPath,
    after: string | undefined,
    first: number,
    signal: AbortSignal,
  ): Promise<WandbReply<Page<ProjectRun>>> {
    const what = `listing the runs of the project ${project}`;
    const variables = { project, entity: entity === '' ? null : entity, after: after ?? null, first };
    const reply = await this.graph(what, 'Runs', RUNS, variables, signal);
    if (reply.kind !== 'ok') return reply;
    const page = taken(reply, (fields) => {
      const connection = fields.object('project').object('runs');
      const info = connection.object('pageInfo');
      return {
        // A missing project is null.
        isListed: connection.has('edges') || fields.fields['project'] === null,
        items: connection.list('edges').map((edge): ProjectRun => {
          const node = edge.object('node');
          return { id: node.id('name'), name: node.text('displayName', ''), config: node.text('config', '') };
        }),
        next: info.is('hasNextPage') ? info.text('endCursor') : undefined,
      };
    });
    if (page.kind === 'ok' && !page.value.isListed)
      return failed('refused', `${what}: ${this.address} gives none`, { address: this.address });
    return page;
  }

  /** Returns the notes that people wrote about a run. */
  async notes(run: RunPath, signal: AbortSignal): Promise<WandbReply<string>> {
    const reply = await this.graph(`looking at the notes of the run ${run.id}`, 'RunResumeStatus', NOTES, named(run), signal);
    return taken(reply, (fields) => fields.object('model').object('bucket').text('notes', ''));
  }

  /**
   * Returns the last row of a run's history, as JSON; undefined if there is none, or the server does not return it.
   */
  async lastRow(run: RunPath, signal: AbortSignal): Promise<WandbReply<string | undefined>> {
    const what = `looking at the last row of the run ${run.id}`;
    const reply = await this.graph(what, 'RunResumeStatus', LAST_ROW, named(run), signal);
    if (reply.kind !== 'ok') return reply.cause === 'refused' ? { kind: 'ok', value: undefined } : reply;
    const source = { what, address: this.address };
    return taken(reply, (fields) => {
      const tail = fields.object('model').object('bucket').text('historyTail', '');
      const parsed = tail === '' ? { kind: 'ok' as const, value: [] } : parseJson(Buffer.from(tail));
      const rows = parsed.kind === 'ok' ? parsed.value : undefined;
      const last: unknown = Array.isArray(rows) ? rows.at(-1) : '';
      if (!Array.isArray(rows) || (last !== undefined && typeof last !== 'string')) {
        throw oddAnswer(source, `historyTail is ${kindOf(tail)}, expected a list of texts`);
      }
      return last;
    });
  }

  /** Creates a run, or changes the one with this id. */
  async upsert(
    { entity, project, id }: RunPath,
    change: RunUpdate,
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly run: WandbRunFacts; readonly isNew: boolean }>> {
    const { displayName = null, group = null, jobType = null, notes = null, tags = null, config = null, state = null } = change;
    const variables = {
      name: id,
      project,
      entity: entity === '' ? null : entity,
      groupName: group,
      displayName,
      notes,
      config,
      tags,
      jobType,
      state,
    };
    const reply = await this.graph(`opening the run ${id}`, 'UpsertBucket', UPSERT, variables, signal);
    if (reply.kind !== 'ok') return reply;
    return taken(reply, (fields) => {
      const answer = fields.object('upsertBucket');
      const bucket = answer.object('bucket');
      const parent = bucket.object('project');
      const path = {
        entity: entityOf(parent, entity),
        project: parent.text('name', project),
        id: bucket.has('name') ? bucket.id('name') : id,
      };
      return { run: runFacts(bucket, path), isNew: answer.is('inserted') };
    });
  }

  /**
   * Sends to the stream of a run: `body` is its JSON text. This never resends by itself: the caller first checks what
   * happened to the request.
   */
  async stream(run: RunPath, body: string, signal: AbortSignal): Promise<WandbReply<undefined>> {
    const what = `sending to the run ${run.id}`;
    const path = `${filesPath(run)}/file_stream`;
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#http.send({ method: 'POST', path, body, headers, isRepeatable: false, signal });
    if (answer.kind !== 'ok') return failureOf(answer, what, this.address);
    return isPage(answer) ? notTheApi(what, this.address) : { kind: 'ok', value: undefined };
  }

  /** See `FileTransfer`. */
  upload(run: RunPath, files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<WandbFailure | undefined> {
    return this.#files.upload(run, files, signal, lost);
  }

  /** Stores a file of a few bytes, to see if the server accepts any file. */
  tryFile(run: RunPath, signal: AbortSignal): Promise<WandbFailure | undefined> {
    return this.#files.tryFile(run, signal);
  }

  /** Returns a file of a run; undefined if there is none. */
  download(run: RunPath, name: string, url: string, signal: AbortSignal): Promise<WandbReply<Buffer | undefined>> {
    return this.#files.download(run, name, url, signal);
  }

  /** Returns the names and lengths of a run's files. */
  async files(
    { entity, project, id }: RunPath,
    signal: AbortSignal,
  ): Promise<WandbReply<ReadonlyMap<string, { readonly bytes: number; readonly url: string }>>> {
    const found = new Map<string, { bytes: number; url: string }>();
    const what = 'listing the files of the run';
    const pages = new Pages(what, this.address, { items: MOST_LISTED });
    const size = new PageSize(FILES_PAGE);
    let after: string | null = null;
    for (;;) {
      let reply = await this.graph(what, 'RunFiles', FILES, { entity, project, name: id, after, first: size.most }, signal);
      if (reply.kind !== 'ok' && size.shrinkFor(reply.error)) continue;
      // Compatible servers may not support pages: they return all files at once.
      if (reply.kind !== 'ok' && reply.cause === 'refused')
        reply = await this.graph(what, 'RunFiles', ALL_FILES, { entity, project, name: id }, signal);
      if (reply.kind !== 'ok') return reply;
      const page = taken(reply, (fields) => {
        const connection = fields.object('project').object('run').object('files');
        const info = connection.object('pageInfo');
        return {
          isListed: connection.has('edges'),
          nodes: connection.list('edges').map((edge) => {
            const node = edge.object('node');
            return { name: node.text('name'), bytes: node.number('sizeBytes', 0), url: node.text('directUrl', node.text('url', '')) };
          }),
          next: info.is('hasNextPage') ? info.text('endCursor') : undefined,
        };
      });
      if (page.kind !== 'ok') return page;
      const { isListed, nodes, next: fields } = page.value;
      if (!isListed) return failed('refused', `${what}: ${this.address} gives none`, { address: this.address });
      for (const { name, bytes, url } of nodes) found.set(name, { bytes, url });
      const next = pages.next(fields, nodes.length, nodes);
      if (next === undefined) return { kind: 'ok', value: found };
      after = next;
    }
  }

  /** Returns the rows with numbers in a range, as JSON texts. */
  async historyPage(
    { entity, project, id }: RunPath,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<WandbReply<readonly string[]>> {
    const variables = { entity, project, run: id, minStep: from, maxStep: to, pageSize: to - from };
    const reply = await this.graph(`reading the history of the run ${id}`, 'HistoryPage', HISTORY, variables, signal);
    if (reply.kind !== 'ok') return reply;
    return taken(reply, (fields) => fields.object('project').object('run').texts('history'));
  }

  async removeRun(storageId: string, signal: AbortSignal): Promise<WandbReply<unknown>> {
    return this.graph('removing the run', 'DeleteRun', DELETE_RUN, { id: storageId }, signal);
  }

  /** Returns the optional features of the server. */
  async features(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const reply = await this.graph('asking for the features of the server', 'ServerFeaturesQuery', FEATURES, {}, signal);
    const features = taken(reply, (fields) =>
      fields
        .object('serverInfo')
        .list('features')
        .filter((one) => one.is('isEnabled'))
        .map((one) => one.text('name', '')),
    );
    return new Set(features.kind === 'ok' ? features.value : []);
  }

  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#files.close()]);
  }
}

function authOf(key: string): Auth;
function authOf(key: string | undefined): Auth | undefined;
function authOf(key: string | undefined): Auth | undefined {
  return key === undefined ? undefined : { username: 'api', password: key };
}

function runFacts(bucket: AnswerFields, path: RunPath): WandbRunFacts {
  return {
    ...path,
    storageId: bucket.text('id', ''),
    displayName: bucket.text('displayName', ''),
    lineCount: bucket.number('historyLineCount', 0),
    config: bucket.text('config', ''),
    summary: bucket.text('summaryMetrics', ''),
    tags: bucket.texts('tags'),
  };
}

function entityOf(project: AnswerFields, otherwise: string): string {
  return project.object('entity').text('name', '') || otherwise;
}

/** Returns a run in the form that queries need. */
function named({ entity, project, id }: RunPath): Fields {
  return { project, entity: entity === '' ? null : entity, name: id };
}

const RUNS = `query Runs($project: String, $entity: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { runs(first: $first, after: $after) {
    edges { node { name displayName config } } pageInfo { endCursor hasNextPage } } } }`;
const FILES = `query RunFiles($entity: String, $project: String, $name: String!, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { files(first: $first, after: $after) {
    edges { node { name sizeBytes directUrl } } pageInfo { endCursor hasNextPage } } } } }`;
