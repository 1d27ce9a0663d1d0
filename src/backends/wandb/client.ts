import { type Clock, systemClock } from '../../clock.ts';
import { cutText, MirrorError } from '../../errors.ts';
import {
  type Auth,
  type Fields,
  HttpClient,
  isPage,
  kindOf,
  MOST_LISTED,
  type NamedAnswer,
  NamedPlaces,
  oddAnswer,
  PageSize,
  Pages,
  parseJson,
  readJson,
  type Said,
  taken,
  unusableAnswer,
  uploadHeaders,
} from '../../http/index.ts';
import { type Failure, failed, failureOf, graphFailure, type Reply } from './answers.ts';
import { FILES_PAGE, FILES_PER_REQUEST, SENDS_AT_ONCE, UPLOADS_AT_ONCE } from './limits.ts';
import type { StoredFile } from './map.ts';
import type { WandbSettings } from './settings.ts';

/** A run as the server names it. */
export interface RunPath {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
}

/** A project by its entity and name. */
export type ProjectPath = Pick<RunPath, 'entity' | 'project'>;

/** What the server says of a run. */
export interface RunFacts extends RunPath {
  readonly storageId: string;
  readonly displayName: string;
  readonly lineCount: number;
  /** The whole configuration, as JSON. */
  readonly config: string;
  readonly summary: string;
  readonly tags: readonly string[];
}

/** A run of a project, as a listing has it. */
export type ListedRun = Pick<RunFacts, 'id' | 'config'> & { readonly name: string };

/** What a run is to be; what is undefined does not change. */
export interface RunChange {
  readonly displayName?: string;
  readonly group?: string;
  readonly jobType?: string;
  readonly notes?: string;
  readonly tags?: readonly string[];
  /** The whole configuration, as JSON. */
  readonly config?: string;
  readonly state?: 'running';
}

/** A file of a few bytes, beside the points. */
const TRIAL_FILE = 'mirrorboard/trial.txt';

/** Longest text of one error of an answer. */
const MOST_SAID = 2000;
/** Errors of one answer that are checked. */
const MOST_ERRORS = 20;

/** The requests of the service that are needed, each with its answer taken apart. */
export class WandbClient {
  readonly address: string;
  readonly #http: HttpClient;
  /** Where the server says that files go, and lie: without the key. */
  readonly #elsewhere: NamedPlaces;

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
    this.#elsewhere = new NamedPlaces({
      tracker: this.address,
      tls,
      timeoutMs,
      clock,
      connections: UPLOADS_AT_ONCE,
      secrets: apiKey === '' ? [] : [apiKey],
    });
  }

  /** A request to the service's API for data. */
  async graph(what: string, operationName: string, query: string, variables: Fields, signal: AbortSignal): Promise<Reply<Said>> {
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
    if (read.kind === 'notJson') return this.#strange(what);
    if (read.kind === 'failed') return unusableAnswer(read.error);
    const errors = taken(read, (said) =>
      said
        .list('errors')
        .slice(0, MOST_ERRORS)
        .map((error) => error.text('message', 'an error without a message')),
    );
    if (errors.kind !== 'ok') return errors;
    if (errors.value.length > 0)
      return graphFailure(
        errors.value.map((text) => cutText(text, MOST_SAID)),
        what,
        this.address,
      );
    if (read.value.fields['data'] === undefined) return this.#strange(what);
    return taken(read, (said) => said.object('data'));
  }

  async viewer(
    signal: AbortSignal,
  ): Promise<Reply<{ readonly entity: string; readonly username: string; readonly clock: string | undefined }>> {
    const reply = await this.graph('asking who the key belongs to', 'Viewer', VIEWER, {}, signal);
    if (reply.kind !== 'ok') return reply;
    const viewer = taken(reply, (said) => ({
      entity: said.object('viewer').text('entity', ''),
      username: said.object('viewer').text('username', ''),
    }));
    if (viewer.kind !== 'ok') return viewer;
    // A key that nobody has is answered like this, not with a status.
    if (viewer.value.entity === '') {
      return failed('denied', `asking who the key belongs to: ${this.address} does not know the key`, { address: this.address });
    }
    return { kind: 'ok', value: { ...viewer.value, clock: undefined } };
  }

  /** A run by its id; undefined where there is none. */
  async run({ entity, project, id }: RunPath, signal: AbortSignal): Promise<Reply<RunFacts | undefined>> {
    const variables = { project, entity: entity === '' ? null : entity, name: id };
    const reply = await this.graph(`looking for the run ${id}`, 'RunResumeStatus', RESUME_STATUS, variables, signal);
    if (reply.kind !== 'ok') return reply;
    return taken(reply, (said) => {
      const model = said.object('model');
      if (!model.has('bucket')) return undefined;
      const bucket = model.object('bucket');
      // Where it really is: servers with one namespace of ids find a run of another project.
      const place = bucket.object('project');
      return runFacts(bucket, { entity: entityOf(place, entityOf(model, entity)), project: place.text('name', project), id });
    });
  }

  /** A page of a project's runs; refused by servers that list none. */
  async runs(
    { entity, project }: ProjectPath,
    after: string | undefined,
    first: number,
    signal: AbortSignal,
  ): Promise<Reply<{ readonly runs: readonly ListedRun[]; readonly next: string | undefined }>> {
    const what = `listing the runs of the project ${project}`;
    const variables = { project, entity: entity === '' ? null : entity, after: after ?? null, first };
    const reply = await this.graph(what, 'Runs', RUNS, variables, signal);
    if (reply.kind !== 'ok') return reply;
    const page = taken(reply, (said) => {
      const connection = said.object('project').object('runs');
      const info = connection.object('pageInfo');
      return {
        // A project that is not there is null.
        isListed: connection.has('edges') || said.fields['project'] === null,
        runs: connection.list('edges').map((edge): ListedRun => {
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

  /** What people wrote about a run. */
  async notes({ entity, project, id }: RunPath, signal: AbortSignal): Promise<Reply<string>> {
    const variables = { project, entity: entity === '' ? null : entity, name: id };
    const reply = await this.graph(`looking at the notes of the run ${id}`, 'RunResumeStatus', NOTES, variables, signal);
    return taken(reply, (said) => said.object('model').object('bucket').text('notes', ''));
  }

  /** The last row of a run's history, as JSON; undefined where there is none, or the server does not tell. */
  async lastRow({ entity, project, id }: RunPath, signal: AbortSignal): Promise<Reply<string | undefined>> {
    const variables = { project, entity: entity === '' ? null : entity, name: id };
    const reply = await this.graph(`looking at the last row of the run ${id}`, 'RunResumeStatus', LAST_ROW, variables, signal);
    if (reply.kind !== 'ok') return reply.cause === 'refused' ? { kind: 'ok', value: undefined } : reply;
    const source = { what: `looking at the last row of the run ${id}`, address: this.address };
    return taken(reply, (said) => {
      const tail = said.object('model').object('bucket').text('historyTail', '');
      const parsed = tail === '' ? { kind: 'ok' as const, value: [] } : parseJson(Buffer.from(tail));
      const rows = parsed.kind === 'ok' ? parsed.value : undefined;
      const last: unknown = Array.isArray(rows) ? rows.at(-1) : '';
      if (!Array.isArray(rows) || (last !== undefined && typeof last !== 'string')) {
        throw oddAnswer(source, `historyTail is ${kindOf(tail)}, expected a list of texts`);
      }
      return last;
    });
  }

  /** Makes a run, or changes the one with this id. */
  async upsert(
    { entity, project, id }: RunPath,
    change: RunChange,
    signal: AbortSignal,
  ): Promise<Reply<{ readonly run: RunFacts; readonly isNew: boolean }>> {
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
    return taken(reply, (said) => {
      const answer = said.object('upsertBucket');
      const bucket = answer.object('bucket');
      const place = bucket.object('project');
      const path = {
        entity: entityOf(place, entity),
        project: place.text('name', project),
        id: bucket.has('name') ? bucket.id('name') : id,
      };
      return { run: runFacts(bucket, path), isNew: answer.is('inserted') };
    });
  }

  /**
   * Sends to the stream of a run: `body` is its JSON text. Never twice by itself: who sends looks first at what
   * became of it.
   */
  async stream(run: RunPath, body: string, signal: AbortSignal): Promise<Reply<undefined>> {
    const what = `sending to the run ${run.id}`;
    const path = `${filesPath(run)}/file_stream`;
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#http.send({ method: 'POST', path, body, headers, isRepeatable: false, signal });
    if (answer.kind !== 'ok') return failureOf(answer, what, this.address);
    return isPage(answer) ? this.#strange(what) : { kind: 'ok', value: undefined };
  }

  /**
   * Stores files; what is there under the same name is replaced. A file for which the server names an address that
   * can't be used, or that is too long while others are taken, is told to `lost`, and the others continue; where
   * nobody wants to hear of it, it is a failure as any other.
   */
  async upload(run: RunPath, files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<Failure | undefined> {
    for (let at = 0; at < files.length; at += FILES_PER_REQUEST) {
      const some = files.slice(at, at + FILES_PER_REQUEST);
      const addresses = await this.#addresses(run, some, signal);
      if (addresses.kind !== 'ok') return addresses;
      const waiting = [...some];
      const workers = Array.from({ length: UPLOADS_AT_ONCE }, async (): Promise<Failure | undefined> => {
        for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
          const failure = await this.#put(run, file, addresses.value, signal);
          if (failure !== undefined) {
            if (lost !== undefined && (await this.#isLost(run, failure, signal))) {
              lost(file.path, failure.error);
              continue;
            }
            waiting.length = 0;
            return failure;
          }
        }
        return undefined;
      });
      const failure = (await Promise.all(workers)).find((one) => one !== undefined);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Names and lengths of a run's files. */
  async files(
    { entity, project, id }: RunPath,
    signal: AbortSignal,
  ): Promise<Reply<ReadonlyMap<string, { readonly bytes: number; readonly url: string }>>> {
    const found = new Map<string, { bytes: number; url: string }>();
    const what = 'listing the files of the run';
    const pages = new Pages(what, this.address, { items: MOST_LISTED });
    const size = new PageSize(FILES_PAGE);
    let after: string | null = null;
    for (;;) {
      let reply = await this.graph(what, 'RunFiles', FILES, { entity, project, name: id, after, first: size.most }, signal);
      if (reply.kind !== 'ok' && size.shrinkFor(reply.error)) continue;
      // Compatible servers may know no pages: they give all at once.
      if (reply.kind !== 'ok' && reply.cause === 'refused')
        reply = await this.graph(what, 'RunFiles', ALL_FILES, { entity, project, name: id }, signal);
      if (reply.kind !== 'ok') return reply;
      const page = taken(reply, (said) => {
        const connection = said.object('project').object('run').object('files');
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
      const { isListed, nodes, next: said } = page.value;
      if (!isListed) return failed('refused', `${what}: ${this.address} gives none`, { address: this.address });
      for (const { name, bytes, url } of nodes) found.set(name, { bytes, url });
      const next = pages.next(said, nodes.length, nodes);
      if (next === undefined) return { kind: 'ok', value: found };
      after = next;
    }
  }

  /** A file of a run; undefined where there is none. */
  async download(run: RunPath, name: string, url: string, signal: AbortSignal): Promise<Reply<Buffer | undefined>> {
    const what = `reading ${name} of the run ${run.id}`;
    const path = `${filesPath(run)}/${name.split('/').map(encodeURIComponent).join('/')}`;
    const answer =
      url === ''
        ? await this.#http.send({ method: 'GET', path, isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal })
        : await this.#fetch(url, signal);
    if (answer.kind === 'unusable') return unusable(what, answer.error);
    // Servers that have pages of their own give one for an address that they do not know.
    const isStrange = answer.kind === 'ok' && !name.endsWith('.html') && isPage(answer);
    if (answer.kind === 'ok') return { kind: 'ok', value: isStrange ? undefined : answer.body };
    return answer.status === 404 ? { kind: 'ok', value: undefined } : failureOf(answer, what, this.address);
  }

  /** Rows whose number is in a range, as JSON texts. */
  async historyPage({ entity, project, id }: RunPath, from: number, to: number, signal: AbortSignal): Promise<Reply<readonly string[]>> {
    const variables = { entity, project, run: id, minStep: from, maxStep: to, pageSize: to - from };
    const reply = await this.graph(`reading the history of the run ${id}`, 'HistoryPage', HISTORY, variables, signal);
    if (reply.kind !== 'ok') return reply;
    return taken(reply, (said) => said.object('project').object('run').texts('history'));
  }

  async removeRun(storageId: string, signal: AbortSignal): Promise<Reply<unknown>> {
    return this.graph('removing the run', 'DeleteRun', DELETE_RUN, { id: storageId }, signal);
  }

  /** Which of its optional features the server has. */
  async features(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const reply = await this.graph('asking for the features of the server', 'ServerFeaturesQuery', FEATURES, {}, signal);
    const features = taken(reply, (said) =>
      said
        .object('serverInfo')
        .list('features')
        .filter((one) => one.is('isEnabled'))
        .map((one) => one.text('name', '')),
    );
    return new Set(features.kind === 'ok' ? features.value : []);
  }

  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#elsewhere.close()]);
  }

  async #addresses(
    { entity, project, id }: RunPath,
    files: readonly StoredFile[],
    signal: AbortSignal,
  ): Promise<Reply<{ readonly urls: ReadonlyMap<string, unknown>; readonly headers: Readonly<Record<string, string>> }>> {
    const variables = { entity, project, run: id, files: files.map(({ path }) => path) };
    const reply = await this.graph('requesting upload addresses', 'CreateRunFiles', CREATE_FILES, variables, signal);
    return taken(reply, (said) => {
      const answer = said.object('createRunFiles');
      const urls = new Map(answer.list('files').map((file) => [file.text('name', ''), file.fields['uploadUrl'] ?? '']));
      return { urls, headers: uploadHeaders(answer.fields['uploadHeaders']) };
    });
  }

  /** Whether a failure is about the file alone. */
  async #isLost(run: RunPath, { cause }: Failure, signal: AbortSignal): Promise<boolean> {
    return cause === 'unusable' || (cause === 'tooMuch' && (await this.tryFile(run, signal)) === undefined);
  }

  /** Stores a file of a few bytes: whether any is taken. */
  tryFile(run: RunPath, signal: AbortSignal): Promise<Failure | undefined> {
    return this.upload(run, [{ path: TRIAL_FILE, data: Buffer.from(new Date().toISOString()), isMedia: false }], signal);
  }

  async #put(
    run: RunPath,
    file: StoredFile,
    first: { readonly urls: ReadonlyMap<string, unknown>; readonly headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const what = `storing ${file.path} of the run ${run.id}`;
    let place = first;
    for (let tries = 0; ; tries++) {
      const url = place.urls.get(file.path);
      if (url === undefined) return failed('refused', `${what}: ${this.address} gave no address for it`, { address: this.address });
      const answer = await this.#elsewhere.send(url, { method: 'PUT', headers: place.headers, body: file.data, signal });
      if (answer.kind === 'unusable') return unusable(what, answer.error);
      if (answer.kind === 'ok') return undefined;
      // Addresses are signed, and run out.
      if (answer.status !== 403 || tries > 0) return failureOf(answer, what, this.address);
      const again = await this.#addresses(run, [file], signal);
      if (again.kind !== 'ok') return again;
      place = again.value;
    }
  }

  /** A file at an address the server gave. The key goes to nobody but the server itself. */
  async #fetch(address: string, signal: AbortSignal): Promise<NamedAnswer> {
    const url = this.#elsewhere.parse(address);
    if (url instanceof MirrorError) return { kind: 'unusable', error: url };
    const base = new URL(this.address);
    const prefix = base.pathname.replace(/\/+$/, '');
    if (url.origin === base.origin && url.pathname.startsWith(`${prefix}/`)) {
      const path = (url.pathname + url.search).slice(prefix.length);
      return this.#http.send({ method: 'GET', path, isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal });
    }
    return this.#elsewhere.send(address, { method: 'GET', isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal });
  }

  #strange(what: string): Failure {
    const message = `${what}: ${this.address} answers with something else than the W&B API`;
    return failed('address', message, { address: this.address }, new MirrorError('MB4003', message));
  }
}

/** Hears of a file that can't be stored, and why. */
export type LostFile = (path: string, error: MirrorError) => void;

function unusable(what: string, error: MirrorError): Failure {
  const { code, message, hint, context } = error;
  const details = { context, cause: error, ...(hint === undefined ? {} : { hint }) };
  return { kind: 'failed', cause: 'unusable', error: new MirrorError(code, `${what}: ${message}`, details) };
}

function authOf(key: string): Auth;
function authOf(key: string | undefined): Auth | undefined;
function authOf(key: string | undefined): Auth | undefined {
  return key === undefined ? undefined : { username: 'api', password: key };
}

function filesPath({ entity, project, id }: RunPath): string {
  return `/files/${[entity, project, id].map(encodeURIComponent).join('/')}`;
}

function runFacts(bucket: Said, path: RunPath): RunFacts {
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

function entityOf(project: Said, otherwise: string): string {
  return project.object('entity').text('name', '') || otherwise;
}

const VIEWER = 'query Viewer { viewer { id entity username } }';
const FEATURES = 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }';
const RESUME_STATUS = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
    id name displayName historyLineCount summaryMetrics config tags project { name entity { name } } } } }`;
const RUNS = `query Runs($project: String, $entity: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { runs(first: $first, after: $after) {
    edges { node { name displayName config } } pageInfo { endCursor hasNextPage } } } }`;
const NOTES = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { id notes } } }`;
const LAST_ROW = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { id historyTail } } }`;
const UPSERT = `mutation UpsertBucket($name: String, $project: String, $entity: String, $groupName: String, $displayName: String, $notes: String,
  $config: JSONString, $tags: [String!], $jobType: String, $state: String) {
  upsertBucket(input: { name: $name, modelName: $project, entityName: $entity, groupName: $groupName, displayName: $displayName, notes: $notes,
    config: $config, tags: $tags, jobType: $jobType, state: $state }) {
    bucket { id name displayName config summaryMetrics tags project { name entity { name } } historyLineCount } inserted } }`;
const CREATE_FILES = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) {
    runID uploadHeaders files { name uploadUrl } } }`;
const FILES = `query RunFiles($entity: String, $project: String, $name: String!, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { files(first: $first, after: $after) {
    edges { node { name sizeBytes directUrl } } pageInfo { endCursor hasNextPage } } } } }`;
const ALL_FILES = `query RunFiles($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { files(first: 1000000) {
    edges { node { name sizeBytes directUrl } } } } } }`;
const HISTORY = `query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }`;
const DELETE_RUN = 'mutation DeleteRun($id: ID!) { deleteRun(input: { id: $id, deleteArtifacts: false }) { success } }';
