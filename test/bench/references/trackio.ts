// Trackio: one server, and its official client that logs into it.
import { startTrackio, type TrackioServer, trackioEnv } from '../../support/trackio-server.ts';
import { lastLine, measure } from '../measure.ts';
import { type Reference, tryReference } from './reference.ts';
import { versionIn } from './venv.ts';

export interface Trackio {
  readonly url: string;
  readonly writeToken: string;
  /** Seconds of `trackio.log` for `points` scalars over the network, `perCall` in each call, without its start. */
  readonly log: (points: number, perCall: number) => Promise<number>;
}

// All are sent when `finish` has come back: the client sends them from a queue. The server has them then.
const LOG = `
import sys, time
import trackio
url, points, per_call = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
project = f"client{time.time_ns()}"
trackio.init(project=project, name="bench", server_url=url, auto_log_gpu=False)
began = time.perf_counter()
for step in range(points // 20):
    row = {f"series/{tag:03d}": step / (tag + 1) for tag in range(20)}
    names = list(row)
    for at in range(0, 20, per_call):
        trackio.log({name: row[name] for name in names[at:at + per_call]}, step=step)
trackio.finish()
print(project, time.perf_counter() - began)
`;

/** Starts a server of the version that the backend is tested with; installs it where it is not there. */
export async function prepareTrackio(): Promise<Reference<Trackio>> {
  return tryReference('Trackio', async () => {
    const server = await startTrackio();
    const { url, writeToken, python } = server;
    const use: Trackio = { url, writeToken, log: (points, perCall) => log(server, points, perCall) };
    return { use, version: await versionIn(python, 'trackio'), stop: server.stop };
  });
}

async function log({ url, writeToken, python, folder, call }: TrackioServer, points: number, perCall: number): Promise<number> {
  const address = `${url}/?write_token=${writeToken}`;
  const { exitCode, stdout, stderr } = await measure(python, ['-c', LOG, address, String(points), String(perCall)], {
    env: trackioEnv(`${folder}-client`),
  });
  const [, project = '', seconds] = /^(client\d+) ([\d.e-]+)$/m.exec(stdout) ?? [];
  if (exitCode !== 0) throw new Error(`Trackio's client: ${lastLine(stderr)}`);
  const { rows } = (await call('query_project', { project, query: 'select count(*) as rows from metrics' })) as {
    rows: { rows: number }[];
  };
  const wanted = points / perCall;
  if (rows[0]?.rows !== wanted) throw new Error(`Trackio's client stored ${rows[0]?.rows} rows of ${wanted}`);
  return Number(seconds);
}
