/** Servers of tests: on a free port of the loopback address, closed with all their connections. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Starts a server. */
export async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

/** Returns the address of a server: `http://127.0.0.1:PORT`. */
export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends a server, and the connections that clients keep open. */
export async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
