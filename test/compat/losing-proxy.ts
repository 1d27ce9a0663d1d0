// A proxy as it stands before many servers: now and then it gives up waiting, and says 504 of what the server has
// stored.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LosingProxy {
  readonly url: string;
  /** Answers that were lost. */
  readonly lost: number;
  close(): Promise<void>;
}

/** Before a server: the answers to the second and the fourth large batch of metrics are lost. */
export async function startLosingProxy(target: string): Promise<LosingProxy> {
  const { hostname, port } = new URL(target);
  let batches = 0;
  let lost = 0;
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { host: _, connection: __, ...headers } = incoming.headers;
    const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers, agent: false }, (upstream) => {
      const isBatch = incoming.url?.endsWith('/runs/log-batch') === true && body.length > 3000 && body.includes('"metrics"');
      if (isBatch && upstream.statusCode === 200 && [2, 4].includes(++batches)) {
        lost++;
        upstream.resume();
        response.writeHead(504, { 'content-type': 'text/html' }).end('<html><title>504 Gateway Time-out</title></html>');
        return;
      }
      response.writeHead(upstream.statusCode ?? 500, upstream.headers);
      upstream.pipe(response);
    });
    onward.on('error', () => response.socket?.destroy());
    onward.end(body);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return lost;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
