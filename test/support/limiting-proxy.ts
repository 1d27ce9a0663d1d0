// A proxy that takes bodies up to a length, as nginx does: all others are answered with 413.
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export class LimitingProxy {
  /** Longest body that goes through. Bytes. */
  most: number;
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(most: number, url: string, close: () => Promise<void>) {
    this.most = most;
    this.url = url;
    this.#close = close;
  }

  static async start(target: string, most: number): Promise<LimitingProxy> {
    const server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      if (body.length > proxy.most) {
        outgoing.writeHead(413, { 'content-type': 'text/html' }).end('<html><h1>413 Request Entity Too Large</h1></html>');
        return;
      }
      const { host: _, ...headers } = incoming.headers;
      const forward = request(new URL(incoming.url ?? '/', target), { method: incoming.method ?? 'GET', headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forward.on('error', () => outgoing.destroy());
      forward.end(body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const proxy = new LimitingProxy(most, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    return proxy;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
