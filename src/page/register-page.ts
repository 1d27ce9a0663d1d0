/** Answers requests for the page's files. Their list is fixed: no path of a request becomes a path of a file. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MirrorError } from '../errors.ts';

/** Where the files are. */
export interface PageOptions {
  /** Default: where the build puts them. */
  readonly folder?: string;
}

/** What the page may do: run its own scripts and styles, ask its own server, show media that it fetched. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The headers of every file of the page. */
export const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Files whose names have the hash of their content never change. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_EACH_TIME = 'no-cache';

/** A smaller file gains nothing. */
const LEAST_GZIP = 1024;

const compressed = promisify(gzip);

interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly tag: string;
  readonly caching: string;
}

/**
 * Adds the page to a server: index.html as `/`, and the files that it names. They hold no data, so they need no token;
 * the API asks for it.
 */
export function registerPage(app: FastifyInstance, { folder = join(import.meta.dirname, 'files') }: PageOptions = {}): void {
  for (const file of filesIn(folder)) {
    let small: Promise<Buffer> | undefined;
    const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      reply.headers({ ...PAGE_HEADERS, etag: file.tag, 'cache-control': file.caching, vary: 'accept-encoding' });
      const known = request.headers['if-none-match'] ?? '';
      if (known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === file.tag)) return reply.code(304).send();
      reply.type(file.type);
      if (file.bytes.length < LEAST_GZIP || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(file.bytes);
      small ??= compressed(file.bytes);
      return reply.header('content-encoding', 'gzip').send(await small);
    };
    app.get(file.path, { config: { isPublic: true } }, answer);
  }
}

function filesIn(folder: string): readonly PageFile[] {
  const names = namesIn(folder);
  if (!names.includes('index.html')) {
    throw new MirrorError('MB9001', `the files of the page are not in ${folder}`, { hint: 'Build or install mirrorboard again.' });
  }
  return names.flatMap((name) => {
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
    if (type === undefined) return [];
    const bytes = readFileSync(join(folder, name));
    const isIndex = name === 'index.html';
    return [
      {
        path: isIndex ? '/' : `/${name}`,
        type,
        bytes,
        tag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
        caching: isIndex ? ASK_EACH_TIME : FOR_EVER,
      },
    ];
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
