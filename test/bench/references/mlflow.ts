// MLflow: one tracking server, and its official client that writes into it.
import { type MlflowServer, startMlflow } from '../../support/mlflow-server.ts';
import { lastLine, measure } from '../measure.ts';
import { type Reference, tryReference } from './reference.ts';
import { versionIn } from './venv.ts';

/** How the official client writes: `log_batch` of a thousand points, or `log_metric` point by point. */
export type MlflowWay = 'log_batch' | 'log_metric';

/**
 * A server, and the client that writes `tags` × `steps` points into a new run of it; the client's own time, without
 * its start.
 */
export interface Mlflow {
  readonly url: string;
  readonly write: (way: MlflowWay, experiment: string, tags: number, steps: number) => Promise<{ readonly seconds: number }>;
}

// Imports, the run and the objects that hold the points are made before the clock starts: what is measured is the
// writing alone.
const SCRIPT = `
import sys, time
import mlflow
from mlflow.entities import Metric
url, way, experiment, tags, steps = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
mlflow.set_tracking_uri(url)
mlflow.set_experiment(experiment)
client = mlflow.MlflowClient()
with mlflow.start_run() as run:
    points = [Metric(f"series/{t:03d}", s / (t + 1), 1700000000000 + s, s) for s in range(steps) for t in range(tags)]
    began = time.perf_counter()
    if way == "log_batch":
        for at in range(0, len(points), 1000):
            client.log_batch(run.info.run_id, metrics=points[at:at + 1000])
    else:
        for point in points:
            mlflow.log_metric(point.key, point.value, step=point.step)
    print(len(points), time.perf_counter() - began)
`;

/** Starts a server of the version that the backend is tested with; installs it where it is not there. */
export async function prepareMlflow(): Promise<Reference<Mlflow>> {
  return tryReference('MLflow', async () => {
    const server = await startMlflow();
    const use: Mlflow = { url: server.url, write: (...what) => write(server, ...what) };
    return { use, version: await versionIn(server.python, 'mlflow'), stop: server.stop };
  });
}

async function write(
  { url, python }: MlflowServer,
  ...[way, experiment, tags, steps]: Parameters<Mlflow['write']>
): ReturnType<Mlflow['write']> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MLFLOW_'));
  const env = { ...Object.fromEntries(own), MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' };
  const { exitCode, stdout, stderr } = await measure(python, ['-c', SCRIPT, url, way, experiment, String(tags), String(steps)], { env });
  // After the numbers, the client prints the address of the run.
  const [, points, seconds] = /^(\d+) ([\d.e-]+)$/m.exec(stdout) ?? [];
  if (exitCode !== 0 || Number(points) !== tags * steps) throw new Error(`MLflow's client: ${lastLine(stderr)}`);
  return { seconds: Number(seconds) };
}
