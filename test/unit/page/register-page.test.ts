// The page's files over HTTP: who gets them, with which headers, and what else is not there.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { makeApi } from '../../../src/api/index.ts';
import { PAGE_HEADERS, registerPage } from '../../../src/page/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FILES = fileURLToPath(new URL('../../../src/page/files/', import.meta.url));
const HOST = '127.0.0.1:6070';

let app: FastifyInstance;

beforeEach(() => {
  const folder = temporaryFolder();
  app = makeApi({
    store: { ask: () => Promise.reject(new Error('no request of these tests asks the store')) },
    storePath: join(folder, 'store.db'),
    mediaPath: join(folder, 'media'),
    statePath: join(folder, 'state'),
    version: '0.0.0',
    hosts: { host: '127.0.0.1', hosts: [] },
    token: 'a-token-of-thirty-two-characters',
    page: registerPage,
  });
});
afterEach(() => app.close());

function get(url: string, headers: Readonly<Record<string, string>> = {}, method: 'GET' | 'HEAD' = 'GET') {
  return app.inject({ method, url, headers: { host: HOST, ...headers } });
}

describe('the page', () => {
  it('comes without a token, and may run only its own scripts', async () => {
    const answer = await get('/');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({ ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(answer.body).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\bstyle=/);
  });

  it('has every file that was built, which browsers keep for ever', async () => {
    const names = readdirSync(FILES).filter((name) => name !== 'index.html');
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      const answer = await get(`/${name}`);
      expect([name, answer.statusCode, answer.headers['cache-control']]).toEqual([name, 200, 'public, max-age=31536000, immutable']);
      expect(answer.rawPayload.equals(readFileSync(join(FILES, name)))).toBe(true);
      const small = await get(`/${name}`, { 'accept-encoding': 'gzip, br' });
      if (small.headers['content-encoding'] === 'gzip') expect(gunzipSync(small.rawPayload).equals(answer.rawPayload)).toBe(true);
      else expect(answer.rawPayload.length).toBeLessThan(1024);
    }
  });

  it('comes once: later requests get 304', async () => {
    const { headers } = await get('/');
    const again = await get('/', { 'if-none-match': `"other", ${String(headers['etag'])}` });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await get('/', { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  it('answers HEAD as GET, without the content', async () => {
    const answer = await get('/', {}, 'HEAD');
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
  });

  it.each(['/index.html', '/../package.json', '/%2e%2e/package.json', '/app.js', '/files/index.html', '//', '/%00'])(
    'has no other file: %s',
    async (path) => {
      expect((await get(path, { authorization: 'Bearer a-token-of-thirty-two-characters' })).statusCode).toBeGreaterThanOrEqual(400);
    },
  );

  it('leaves the API its token, however the path is written', async () => {
    for (const path of ['/api/v1/runs', '/%61pi/v1/runs', '/api/v1/openapi.json', '/nothing'])
      expect([path, (await get(path)).statusCode]).toEqual([path, 401]);
  });

  it('is not for requests to other hosts', async () => {
    expect((await get('/', { host: 'evil.example' })).statusCode).toBe(403);
  });
});

it('a server without the built files does not start', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'app.js'), '');
  expect(existsSync(join(folder, 'index.html'))).toBe(false);
  expect(() => registerPage(app, { folder })).toThrow(expect.objectContaining({ code: 'MB9001' }));
});
