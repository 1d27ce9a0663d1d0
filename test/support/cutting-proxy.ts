// A proxy that cuts connections: before a request has reached the server, or when its answer is on the way and nobody will know of it.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly url: string;
  /** How often it has cut so far: requests, and answers. */
  readonly cuts: { readonly requests: number; readonly answers: number };
  /** Cuts nothing any more. */
  heal(): void;
  close(): Promise<void>;
}

/** Before a server on the loopback interface. `random` gives numbers from 0 to 1; `probability` is that of each piece that comes through. */
export async function startCuttingProxy(target: string, random: () => number, probability: number): Promise<CuttingProxy> {
  const { port, hostname } = new URL(target);
  const cuts = { requests: 0, answers: 0 };
  let isWell = false;
  const open = new Set<Socket>();
  const isDue = (): boolean => random() < probability && !isWell;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (piece) => {
      if (isDue()) {
        cuts.requests++;
        cut();
      } else upstream.write(piece);
    });
    upstream.on('data', (piece) => {
      if (isDue()) {
        cuts.answers++;
        cut();
      } else client.write(piece);
    });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        open.delete(socket);
        cut();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts,
    heal() {
      isWell = true;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
