/** What all answers have in common: tags for caches, and what a client that is gone means. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The content type of an answer. */
export const JSON_TYPE = 'application/json; charset=utf-8';
/** Answers are for one user, who asks again whether they are still valid. */
const ASK_AGAIN = 'private, no-cache';

/** Returns a signal that is aborted when the client closes its connection. */
export function closingOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Returns the tag of an answer with this content. */
export function tagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}

/** True if the client has the answer with this tag. */
export function isKnown(request: FastifyRequest, tag: string): boolean {
  const header = request.headers['if-none-match'];
  return header?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag || one.trim() === '*') === true;
}

/** Sends that the client has the answer. */
export function sendUnchanged(reply: FastifyReply, tag: string, caching = ASK_AGAIN): FastifyReply {
  return reply.headers({ etag: tag, 'cache-control': caching }).code(304).send();
}

/** Sends a JSON text with its tag. */
export function sendJson(reply: FastifyReply, text: string, tag: string): FastifyReply {
  return reply.headers({ etag: tag, 'cache-control': ASK_AGAIN }).type(JSON_TYPE).send(text);
}
