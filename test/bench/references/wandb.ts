// W&B: its official client, against a stand-in of the service or into a folder.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WandbSdk } from '../../support/wandb-sdk.ts';
import { WandbStub } from '../../support/wandb-stub/index.ts';
import { type Reference, tryReference } from './reference.ts';

export interface OfficialWandb {
  readonly stub: WandbStub;
  /**
   * `run.log` for each point until all is stored; the client's own time, from the first point to the end of `finish`.
   */
  readonly write: (
    mode: 'online' | 'offline',
    points: number,
    folder: string,
  ) => Promise<{ readonly seconds: number; readonly bytes: number }>;
}

const SCRIPT = `
import sys, time, wandb
points, folder = int(sys.argv[1]), sys.argv[2]
run = wandb.init(project="bench", dir=folder, settings=wandb.Settings(x_disable_stats=True))
values = [i / 7 for i in range(points)]
began = time.perf_counter()
for step, value in enumerate(values):
    run.log({"loss": value, "global_step": step})
run.finish()
print("seconds", time.perf_counter() - began)
`;

export async function prepareWandb(): Promise<Reference<OfficialWandb>> {
  return tryReference("W&B's client", async () => {
    const sdk = await WandbSdk.find();
    const stub = await WandbStub.start();
    // The official client sends them, and the stub would complain.
    stub.namesOddHeaders = false;
    const use: OfficialWandb = {
      stub,
      async write(mode, points, folder) {
        const printed = await sdk.python(SCRIPT, [String(points), folder], stub, mode);
        const seconds = Number(/seconds ([\d.e-]+)/.exec(printed)?.[1] ?? Number.NaN);
        if (!(seconds > 0)) throw new Error(`W&B's client printed ${printed.slice(-200)}`);
        return { seconds, bytes: recordBytes(folder) };
      },
    };
    const version = `wandb ${(await sdk.python('import wandb; print(wandb.__version__)', [], undefined, 'offline')).trim()}`;
    const stop = async (): Promise<void> => {
      await stub.close();
      sdk.close();
    };
    return { use, version, stop };
  });
}

/** Bytes of the files of records below a folder, which is removed. */
export function recordBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith('.wandb'),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  rmSync(folder, { recursive: true, force: true });
  return bytes;
}
