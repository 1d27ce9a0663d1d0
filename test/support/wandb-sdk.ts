// The official W&B client for tests, pointed at a stand-in of the service: nothing of it goes anywhere else.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputOf, pythonEnvironment } from './python-tools.ts';
import type { WandbStub } from './wandb-stub/index.ts';

const READER = fileURLToPath(new URL('../../../test/support/wandb_readback.py', import.meta.url));
const TIME_MS = 240_000;

/** A run of an offline folder, as the official client's messages say it: values are JSON texts. */
export interface OfflineFolder {
  readonly id: string;
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly files: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly exit: number | null;
}

export class WandbSdk {
  readonly #venv: string;
  readonly #home = mkdtempSync(join(tmpdir(), 'mirrorboard-sdk-'));

  private constructor(venv: string) {
    this.#venv = venv;
  }

  /** Installed before where that is wanted; throws where it can't be had. */
  static async find(): Promise<WandbSdk> {
    return new WandbSdk(await pythonEnvironment({ name: 'wandb', requirements: ['wandb==0.31.0'] }));
  }

  /** What a Python script prints. */
  python(script: string, args: readonly string[], stub: WandbStub | undefined, mode = 'online'): Promise<string> {
    return this.#run('python', ['-c', script, ...args], stub, mode);
  }

  /** `wandb sync` of folders. */
  async sync(folders: readonly string[], stub: WandbStub): Promise<void> {
    await this.#run('wandb', ['sync', '--yes', ...folders], stub, 'online');
  }

  async readFolders(folders: readonly string[]): Promise<Readonly<Record<string, OfflineFolder>>> {
    const text = await this.#run('python', [READER, ...folders], undefined, 'offline');
    return JSON.parse(text) as Readonly<Record<string, OfflineFolder>>;
  }

  close(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }

  #run(program: string, args: readonly string[], stub: WandbStub | undefined, mode: string): Promise<string> {
    return outputOf(join(this.#venv, 'bin', program), args, TIME_MS, this.#environment(stub, mode), this.#home);
  }

  #environment(stub: WandbStub | undefined, mode: string) {
    return {
      HOME: this.#home,
      WANDB_DIR: this.#home,
      WANDB_MODE: mode,
      WANDB_SILENT: 'true',
      WANDB_ERROR_REPORTING: 'false',
      WANDB_CONSOLE: 'off',
      WANDB_DISABLE_GIT: 'true',
      WANDB_DISABLE_CODE: 'true',
      WANDB_BASE_URL: stub?.url ?? 'http://127.0.0.1:9',
      ...(stub === undefined ? {} : { WANDB_API_KEY: stub.key }),
    };
  }
}
