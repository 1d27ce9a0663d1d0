/** The resource that tells what changes while a client listens. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type EventSources, Events, MOST_STREAMS } from './events.ts';
import { SAFE_HEADERS } from './guard.ts';
import { checked, oneText } from './parameters.ts';
import { Refusal } from './problem.ts';
import { BASE } from './route.ts';

const TYPE = 'text/event-stream; charset=utf-8';

const query = z.strictObject({ since: oneText.optional() });

/** Adds the resource to a server. Its streams end when the server closes. */
export function addEvents(app: FastifyInstance, sources: EventSources): void {
  const events = new Events(sources);
  app.addHook('preClose', async () => events.close());
  app.get(`${BASE}/events`, async (request, reply) => {
    const { since } = checked(query, request.query);
    if (request.method === 'HEAD') return reply.type(TYPE).send();
    if (events.isFull) {
      throw new Refusal(503, 'MB5005', `the API has ${MOST_STREAMS} streams of events already`, {
        hint: 'Close another page, or ask /api/v1/changes.',
        headers: { 'retry-after': '10' },
        retry: 'later',
      });
    }
    // A client that connects again sends the id of the last event that it got.
    const last = request.headers['last-event-id'];
    reply.hijack();
    reply.raw.writeHead(200, { ...SAFE_HEADERS, 'content-type': TYPE, 'x-accel-buffering': 'no' });
    events.add(reply.raw, typeof last === 'string' && last !== '' ? last : since);
    return reply;
  });
}
