/** The HTTP server of the API: it checks requests, asks the store, and writes answers. */
import type { RequestListener, Server } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import { type Json, jsonText } from '../model/index.ts';
import type { StoreQueries } from '../query/index.ts';
import { limitedServer } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { type Action, checkAction } from './action.ts';
import { closingOf, isKnown, JSON_TYPE, sendJson, sendUnchanged, tagOf } from './answers.ts';
import { addEvents } from './event-route.ts';
import { addExport } from './export-route.ts';
import { checkRequest, type GuardRules, SAFE_HEADERS } from './guard.ts';
import { LANE_ACTIONS } from './lane-actions.ts';
import { type ConfiguredLane, LaneFacts } from './lane-facts.ts';
import { LANE_ROUTES, LANES } from './lane-routes.ts';
import { addMedia } from './media-route.ts';
import { openApiDocument } from './openapi.ts';
import { checked } from './parameters.ts';
import { POINT_ROUTES } from './point-routes.ts';
import { PROBLEM_TYPE, problemJson, Refusal, statusOf } from './problem.ts';
import { recordRoute } from './record-route.ts';
import { answerText, BASE, type Route, type RouteContext } from './route.ts';
import { runActions } from './run-actions.ts';
import { CHANGES, RUN_ROUTES } from './run-routes.ts';
import { UnsentAnswers } from './unsent.ts';
import { VERIFY_ROUTES } from './verify-routes.ts';

/** The sources and rules of an API. */
export interface ApiOptions extends GuardRules {
  /** The store that answers; the caller closes it. */
  readonly store: Pick<StoreQueries, 'ask'>;
  /** The path of the store, for exports. */
  readonly storePath: string;
  /** The folder of the store's media. */
  readonly mediaPath: string;
  readonly statePath: string;
  /** Returns the configured lanes, the local store among them. Default, and if undefined: those in the state. */
  readonly configured?: () => Promise<readonly ConfiguredLane[] | undefined>;
  /** The rule for links below each root, by its path. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** The version of mirrorboard. */
  readonly version: string;
  readonly clock?: Clock;
  /** Called with every failure that is not the client's. */
  readonly onFailure?: (error: unknown, request: string) => void;
  /** Returns the server whose requests the listener answers. Default: a new one. */
  readonly serverFor?: (listener: RequestListener) => Server;
  /** Adds the web page to the server. */
  readonly page?: (app: FastifyInstance) => void;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True for what holds no data: it needs no token. */
    readonly isPublic?: boolean;
    /** True for what changes something. */
    readonly isAction?: boolean;
  }
}

/** The most requests that are answered or wait at a time. */
const MOST_REQUESTS = 64;
const BODY_BYTES = 64 * 1024;

/** Creates the server; the caller lets it listen, and closes it. */
export function makeApi(options: ApiOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    serverFactory: options.serverFor ?? ((listener) => limitedServer().on('request', listener)),
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => void sendFailure(new Refusal(400, 'MB5001', error.message), request, reply),
  });
  let underWay = 0;

  const sendFailure = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const status = statusOf(error);
    if (status >= 500 && !reply.raw.destroyed) options.onFailure?.(error, `${request.method} ${request.url}`);
    reply.headers({ ...SAFE_HEADERS, ...(error instanceof Refusal ? error.headers : {}) });
    return reply
      .code(status)
      .type(PROBLEM_TYPE)
      .send(jsonText(problemJson(error)));
  };
  app.setErrorHandler((error, request, reply) => sendFailure(ofFramework(error) ?? error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendFailure(
      new Refusal(404, 'MB5003', `the API has no resource ${request.url.split('?', 1)[0]}`, {
        hint: `GET ${BASE}/openapi.json lists all.`,
      }),
      request,
      reply,
    ),
  );

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SAFE_HEADERS);
    // The route that was found decides: paths can be written in many ways.
    const { isPublic = false, isAction = false } = request.routeOptions.config;
    checkRequest(request.raw, isPublic ? { ...options, token: undefined } : options, { isAction });
    if (isAction) checkAction(request.raw, options);
    if (underWay >= MOST_REQUESTS) {
      throw new Refusal(503, 'MB5005', `the API answers ${MOST_REQUESTS} requests already`, {
        hint: 'Retry in a second.',
        headers: { 'retry-after': '1' },
        retry: 'later',
      });
    }
    underWay++;
    reply.raw.once('close', () => underWay--);
  });

  const sources = { store: options.store, lanes: new LaneFacts(options) };
  const routes = [...RUN_ROUTES, ...POINT_ROUTES, recordRoute(options.linksOf), ...LANE_ROUTES, ...VERIFY_ROUTES];
  const unsent = new UnsentAnswers();
  for (const route of routes) addRoute(app, route, sources, unsent);
  const actions = [...runActions(options.storePath), ...LANE_ACTIONS];
  for (const action of actions) addAction(app, action, sources);
  addMedia(app, options);
  addExport(app, { storePath: options.storePath, onFailure: (error, request) => options.onFailure?.(error, request) });
  addEvents(app, {
    store: options.store,
    changes: async (since, signal) => {
      const answer = await CHANGES.handle({ ...sources, signal }, { since });
      return { version: (answer as { readonly version: string }).version, text: await answerText(CHANGES, answer) };
    },
    lanes: async (signal) => answerText(LANES, await LANES.handle({ ...sources, signal }, {})),
    clock: options.clock,
    onFailure: (error) => options.onFailure?.(error, `GET ${BASE}/events`),
  });
  addDocuments(app, { routes, actions }, options.version);
  options.page?.(app);
  return app;
}

/** Returns the refusal for what Fastify itself refuses: a body that is no JSON, or too long. */
function ofFramework(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || error instanceof MirrorError) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? new Refusal(status, 'MB5001', error.message) : undefined;
}

function addRoute(app: FastifyInstance, route: Route, sources: Omit<RouteContext, 'signal'>, unsent: UnsentAnswers): void {
  app.get(`${BASE}${route.path}`, async (request, reply) => {
    const signal = closingOf(reply);
    const query = checked(route.query, request.query);
    const changes = typeof route.changes === 'function' ? route.changes(query) : route.changes;
    const before = changes === 'version' ? await versionTag(sources.store, request.url, signal) : undefined;
    if (before !== undefined && isKnown(request, before)) return sendUnchanged(reply, before);
    const text = await answerText(route, await route.handle({ ...sources, signal }, query));
    const tag = before ?? tagOf(text);
    if (isKnown(request, tag)) return sendUnchanged(reply, tag);
    unsent.add(text, reply);
    return sendJson(reply, text, tag);
  });
}

function addAction(app: FastifyInstance, action: Action, sources: Omit<RouteContext, 'signal'>): void {
  const path = action.path.replaceAll(/\{(\w+)\}/g, ':$1');
  app.post<{ Params: Record<string, string> }>(`${BASE}${path}`, { config: { isAction: true } }, async (request, reply) => {
    checked(z.strictObject({}), request.query);
    const body = checked(action.body, request.body);
    const answer = await action.handle({ ...sources, signal: closingOf(reply) }, body, request.params);
    return reply.type(JSON_TYPE).send(await answerText(action, answer));
  });
}

/** Adds what describes the API itself: written when it is asked for the first time. */
function addDocuments(
  app: FastifyInstance,
  { routes, actions }: { readonly routes: readonly Route[]; readonly actions: readonly Action[] },
  version: string,
): void {
  let document: { readonly text: string; readonly index: string } | undefined;
  const written = (): { readonly text: string; readonly index: string } => {
    if (document !== undefined) return document;
    const openApi = openApiDocument(routes, actions, version);
    const index = { name: 'mirrorboard', version, openapi: `${BASE}/openapi.json`, resources: Object.keys(openApi.paths) };
    document = { text: jsonText(openApi as unknown as Json), index: jsonText(index) };
    return document;
  };
  app.get(`${BASE}/openapi.json`, async (request, reply) => {
    checked(z.strictObject({}), request.query);
    return reply.type(JSON_TYPE).send(written().text);
  });
  for (const path of [BASE, `${BASE}/`]) app.get(path, async (_, reply) => reply.type(JSON_TYPE).send(written().index));
}

/** Returns the tag of an answer that changes only with the store's version. */
async function versionTag(store: ApiOptions['store'], url: string, signal: AbortSignal): Promise<string> {
  // Asked before the answer: an answer is at least as new as its tag.
  const { version } = await store.ask({ kind: 'changes' }, signal);
  return tagOf(`${version} ${url}`);
}
