import type { Server, ServerResponse } from 'node:http';
import { messageOf } from '../errors.ts';
import { guardedServer } from './guarded-server.ts';
import { listenFailure, parseListen } from './listen-address.ts';

/** The facts that the health endpoints need. */
export interface HealthSource {
  /**
   * True if the process is ready. A tracker that is down does not make it unready, nor does one root of several that
   * does not answer.
   */
  readonly isReady: boolean;
  readonly whyNotReady?: string | undefined;
  /** Remarks for the caller, ready or not. */
  readonly remarks?: readonly string[];
  /** The reason why a restart would help; undefined if the process is alive. */
  readonly whyNotAlive?: string | undefined;
  document(): Record<string, unknown>;
}

/** The source of the metrics page. */
export interface MetricsPage {
  /** Returns the text for a client that accepts these types, and its content type. */
  render(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }>;
}

/**
 * Serves `/livez` (200 while work progresses), `/readyz`, `/healthz` (the same as `/livez`), `/status` (JSON), and
 * `/metrics` if there are metrics. `hosts`: further host names that it accepts.
 */
export async function serveHealth(
  listen: string,
  source: HealthSource,
  hosts: readonly string[] = [],
  metrics?: MetricsPage,
): Promise<Server> {
  const { host, port } = parseListen(listen);
  const server = guardedServer({ host, hosts }, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/metrics' && metrics !== undefined) {
      void sendMetrics(metrics, request.headers.accept, response);
      return;
    }
    const [code, body, type] =
      path === '/livez' || path === '/healthz'
        ? [source.whyNotAlive === undefined ? 200 : 503, `${source.whyNotAlive ?? 'ok'}\n`, 'text/plain']
        : path === '/readyz'
          ? [source.isReady ? 200 : 503, readyText(source), 'text/plain']
          : path === '/status'
            ? [200, `${JSON.stringify(source.document())}\n`, 'application/json']
            : [404, `not found; try /livez, /readyz, /healthz${metrics === undefined ? '' : ', /metrics'} or /status\n`, 'text/plain'];
    response.writeHead(Number(code), { 'content-type': `${type}; charset=utf-8` });
    response.end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(listen, error)));
    server.listen(port, host, resolve);
  });
  server.unref();
  return server;
}

async function sendMetrics(metrics: MetricsPage, accept: string | undefined, response: ServerResponse): Promise<void> {
  try {
    const { contentType, text } = await metrics.render(accept);
    response.writeHead(200, { 'content-type': contentType, vary: 'accept' });
    response.end(text);
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`the metrics could not be read: ${messageOf(error)}\n`);
  }
}

function readyText({ isReady, whyNotReady = 'the first scan is not complete', remarks = [] }: HealthSource): string {
  return `${[isReady ? 'ok' : whyNotReady, ...remarks].join('\n')}\n`;
}
