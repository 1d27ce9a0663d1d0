import type { Config, LocalLane } from '../config/index.ts';
import type { TensorBoardData } from '../tensorboard/index.ts';
import { portOf } from './port.ts';
import { localLane } from './read-config.ts';

/** Gives TensorBoard the data of the local store while a watch writes to it. */
export class WatchTensorBoard {
  readonly #port: number;
  #store: LocalLane;
  readonly #report: (address: string) => void;
  #data: TensorBoardData | undefined;

  /** `report` gets the address. Throws MB1001 for an invalid port, MB4010 if the configuration has no local store. */
  constructor(port: string, config: Config, report: (address: string) => void) {
    this.#port = portOf(port, '--tensorboard-port');
    this.#store = localLane(config);
    this.#report = report;
  }

  /**
   * Listens, once the store of the configuration exists; again after it became another one, and no longer if
   * there is none. Throws MB1001 if the port is taken.
   */
  async start(config: Config): Promise<void> {
    const { local: store } = config.lanes;
    if (store === undefined) {
      await this.close();
      return;
    }
    const isSame = this.#store.path === store.path && this.#store.mediaPath === store.mediaPath;
    if (this.#data !== undefined && isSame) return;
    await this.close();
    this.#store = store;
    // A watch without this flag does not load the library.
    const { serveTensorBoard } = await import('../tensorboard/index.ts');
    this.#data = await serveTensorBoard({ store: this.#store, port: this.#port, flag: '--tensorboard-port' });
    this.#report(this.#data.address);
  }

  async close(): Promise<void> {
    await this.#data?.close();
    this.#data = undefined;
  }
}
