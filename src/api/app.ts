/** The HTTP server of the API: it checks requests, asks the store, and writes answers. */
import { createHash } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type Json, jsonText } from '../model/index.ts';
import type { StoreQueries } from '../query/index.ts';
import { checkRequest, type GuardRules, SAFE_HEADERS } from './guard.ts';
import { LaneFacts } from './lane-facts.ts';
import { LANE_ROUTES } from './lane-routes.ts';
import { missing, openMedia, rangeIn } from './media-file.ts';
import { BASE, openApiDocument } from './openapi.ts';
import { checked } from './parameters.ts';
import { POINT_ROUTES } from './point-routes.ts';
import { PROBLEM_TYPE, problemJson, Refusal, statusOf } from './problem.ts';
import type { Route } from './route.ts';
import { RUN_ROUTES } from './run-routes.ts';

/** The sources and rules of an API. */
export interface ApiOptions extends GuardRules {
  /** The store that answers; the caller closes it. */
  readonly store: Pick<StoreQueries, 'ask'>;
  /** The folder of the store's media. */
  readonly mediaPath: string;
  readonly statePath: string;
  /** The version of mirrorboard. */
  readonly version: string;
  readonly clock?: Clock;
  /** Called with every failure that is not the client's. */
  readonly onFailure?: (error: unknown, request: string) => void;
}

/** All resources, except media and the OpenAPI document. */
const ROUTES: readonly Route[] = [...RUN_ROUTES, ...POINT_ROUTES, ...LANE_ROUTES];

/** The most requests that are answered or wait at a time. */
const MOST_REQUESTS = 64;
const MOST_CONNECTIONS = 256;
/** A request may name many runs. */
const HEAD_BYTES = 64 * 1024;
const HEAD_MS = 5000;
/** The longest time without a byte, also while the store works. */
const IDLE_MS = 120_000;

/** Media have the hash of their content as a name. */
const FOR_EVER = 'private, max-age=31536000, immutable';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Creates the server; the caller lets it listen, and closes it. */
export function makeApi(options: ApiOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    http: { maxHeaderSize: HEAD_BYTES, headersTimeout: HEAD_MS, connectionsCheckingInterval: 1000 },
    requestTimeout: HEAD_MS,
    keepAliveTimeout: HEAD_MS,
    connectionTimeout: IDLE_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => void sendFailure(new Refusal(400, 'MB5001', error.message), request, reply),
  });
  app.server.maxConnections = MOST_CONNECTIONS;
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
  app.setErrorHandler((error, request, reply) => sendFailure(error, request, reply));
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
    checkRequest(request.raw, options);
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

  const lanes = new LaneFacts(options.statePath, options.clock);
  for (const route of ROUTES) {
    app.get(`${BASE}${route.path}`, async (request, reply) => {
      const signal = closingOf(reply);
      const query = checked(route.query, request.query);
      const before = route.changes === 'version' ? await versionTag(options.store, request.url, signal) : undefined;
      if (before !== undefined && isKnown(request, before)) return unchanged(reply, before);
      const answer = await route.handle({ store: options.store, lanes, signal }, query);
      const text = jsonText(route.answer.parse(answer) as Json);
      const tag = before ?? tagOf(text);
      if (isKnown(request, tag)) return unchanged(reply, tag);
      return reply.headers({ etag: tag, 'cache-control': 'private, no-cache' }).type(JSON_TYPE).send(text);
    });
  }
  let document: string | undefined;
  app.get(`${BASE}/openapi.json`, async (request, reply) => {
    checked(z.strictObject({}), request.query);
    document ??= jsonText(openApiDocument(ROUTES, options.version) as Json);
    return reply.type(JSON_TYPE).send(document);
  });
  app.get<{ Params: { sha256: string } }>(`${BASE}/media/:sha256`, async (request, reply) => {
    const { sha256 } = request.params;
    const known = /^[0-9a-f]{64}$/.test(sha256) ? await options.store.ask({ kind: 'media', sha256 }, closingOf(reply)) : undefined;
    if (known === undefined) throw missing(sha256.slice(0, 64));
    const tag = `"${sha256}"`;
    if (isKnown(request, tag)) return unchanged(reply, tag, FOR_EVER);
    const { handle, bytes, type, isDownload } = await openMedia(options.mediaPath, known);
    try {
      const range = rangeIn(request.headers.range, bytes);
      const { start, end } = range ?? { start: 0, end: bytes };
      reply.headers({
        etag: tag,
        'cache-control': FOR_EVER,
        'accept-ranges': 'bytes',
        'content-length': end - start,
        ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${bytes}` }),
        ...(isDownload ? { 'content-disposition': `attachment; filename="${known.path.slice(3)}"` } : {}),
      });
      reply.code(range === undefined ? 200 : 206).type(type);
      if (start === end) {
        await handle.close();
        return reply.send('');
      }
      // The stream closes the file.
      return reply.send(handle.createReadStream({ start, end: end - 1 }));
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
  return app;
}

/** Returns a signal that is aborted when the client closes its connection. */
function closingOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Returns the tag of an answer that changes only with the store's version. */
async function versionTag(store: ApiOptions['store'], url: string, signal: AbortSignal): Promise<string> {
  // Asked before the answer: an answer is at least as new as its tag.
  const { version } = await store.ask({ kind: 'changes' }, signal);
  return tagOf(`${version} ${url}`);
}

function tagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}

function isKnown(request: FastifyRequest, tag: string): boolean {
  const header = request.headers['if-none-match'];
  return header?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag || one.trim() === '*') === true;
}

function unchanged(reply: FastifyReply, tag: string, caching = 'private, no-cache'): FastifyReply {
  return reply.headers({ etag: tag, 'cache-control': caching }).code(304).send();
}
