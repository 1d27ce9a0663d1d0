// The references of one bench run.
import type { Scratch } from '../scratch.ts';
import { type Aim, type AimConvert, prepareAim, prepareAimConvert } from './aim.ts';
import { type Clearml, prepareClearml } from './clearml.ts';
import { type DataServer, prepareDataServer } from './data-server.ts';
import { type Limit, prepareLimit } from './limit.ts';
import { type Mlflow, prepareMlflow } from './mlflow.ts';
import type { Reference } from './reference.ts';
import { prepareTbparse, type Tbparse } from './tbparse.ts';
import { prepareTensorBoard, type TensorBoard } from './tensorboard.ts';
import { prepareTrackio, type Trackio } from './trackio.ts';
import { type OfficialWandb, prepareWandb } from './wandb.ts';

/** Each is set up when it is first asked for, once; what was started ends with this. */
export class References {
  readonly limit: () => Promise<Reference<Limit>>;
  readonly dataServer: () => Promise<Reference<DataServer>>;
  readonly tensorBoard: () => Promise<Reference<TensorBoard>>;
  readonly tbparse: () => Promise<Reference<Tbparse>>;
  readonly mlflow: () => Promise<Reference<Mlflow>>;
  readonly clearml: () => Promise<Reference<Clearml>>;
  readonly wandb: () => Promise<Reference<OfficialWandb>>;
  readonly aim: () => Promise<Reference<Aim>>;
  readonly aimConvert: () => Promise<Reference<AimConvert>>;
  readonly trackio: () => Promise<Reference<Trackio>>;
  readonly #ready: Extract<Reference<unknown>, { kind: 'ready' }>[] = [];

  constructor(scratch: Scratch, shared: string) {
    this.limit = this.#once(() => prepareLimit(shared, scratch));
    this.dataServer = this.#once(() => prepareDataServer(scratch));
    this.tensorBoard = this.#once(() => prepareTensorBoard(scratch));
    this.tbparse = this.#once(() => prepareTbparse(scratch));
    this.mlflow = this.#once(prepareMlflow);
    this.clearml = this.#once(prepareClearml);
    this.wandb = this.#once(prepareWandb);
    this.aim = this.#once(prepareAim);
    this.trackio = this.#once(prepareTrackio);
    this.aimConvert = this.#once(() => prepareAimConvert(scratch));
  }

  /** Name and version of each that was there when it was asked for, in that order. */
  get versions(): readonly string[] {
    return this.#ready.map(({ version }) => version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#ready.splice(0)) await stop?.();
  }

  #once<T>(prepare: () => Promise<Reference<T>>): () => Promise<Reference<T>> {
    let made: Promise<Reference<T>> | undefined;
    const make = async (): Promise<Reference<T>> => {
      const reference = await prepare();
      if (reference.kind === 'ready') this.#ready.push(reference);
      return reference;
    };
    return () => (made ??= make());
  }
}
