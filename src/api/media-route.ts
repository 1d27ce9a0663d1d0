/** The resource of media: bytes of images, clips and other values. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { StoreQueries } from '../query/index.ts';
import { closingOf, isKnown, sendUnchanged } from './answers.ts';
import { missing, openMedia, rangeIn } from './media-file.ts';
import { BASE } from './route.ts';

/** Media have the hash of their content as a name. */
const FOR_EVER = 'private, max-age=31536000, immutable';

/** Adds the resource to a server. */
export function addMedia(
  app: FastifyInstance,
  { store, mediaPath }: { readonly store: Pick<StoreQueries, 'ask'>; readonly mediaPath: string },
): void {
  app.get<{ Params: { sha256: string } }>(`${BASE}/media/:sha256`, async (request, reply) => {
    const { sha256 } = request.params;
    const known = /^[0-9a-f]{64}$/.test(sha256) ? await store.ask({ kind: 'media', sha256 }, closingOf(reply)) : undefined;
    if (known === undefined) throw missing(sha256.slice(0, 64));
    const tag = `"${sha256}"`;
    if (isKnown(request, tag)) return sendUnchanged(reply, tag, FOR_EVER);
    const { handle, bytes, type, isDownload } = await openMedia(mediaPath, known);
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
      if (start === end || request.method === 'HEAD') {
        await handle.close();
        // Fastify sends no stream for HEAD, but reads it; for anything else, it would send its length.
        return reply.send(Readable.from([]));
      }
      // The stream closes the file.
      return reply.send(handle.createReadStream({ start, end: end - 1 }));
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}
