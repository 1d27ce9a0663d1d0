// An S3 server for tests: moto's, from the same environment as the ClearML SDK.
import { dirname, join } from 'node:path';
import { clearmlPython } from './clearml-server.ts';
import { freePort, startSaying } from './python-tools.ts';

export interface MotoServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

export async function startMoto(): Promise<MotoServer> {
  const bin = dirname(await clearmlPython());
  const port = await freePort();
  const server = await startSaying(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)]);
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 60_000; ; ) {
    const answer = await fetch(`${url}/moto-api/`).catch(() => undefined);
    if (answer?.ok === true) return { url, port, stop: server.stop };
    if (Date.now() > end) {
      await server.stop();
      throw new Error('moto did not come up in time');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
