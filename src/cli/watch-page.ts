import { type Config, type LocalLane, linksOf } from '../config/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../status/index.ts';
import { configuredLanes } from './configured-lanes.ts';
import { PAGE_ADDRESS, type PageAccess, PageServer, pageAccess } from './page-server.ts';
import type { WatchFlags } from './watch-flags.ts';
import type { WatchSetup } from './watch-setup.ts';

/** Where a watch serves its page. */
export interface WatchPageAccess extends PageAccess {
  /** True if the user chose the address: then another one is a mistake. */
  readonly isChosen: boolean;
}

/** The page of a watch. It outlives a reload, unless the store is another one. */
export class WatchPage {
  readonly #access: WatchPageAccess | undefined;
  readonly #log: Logger;
  #server: PageServer | undefined;
  #store: LocalLane | undefined;
  /** The lanes of the current round. */
  #trackers: WatchSetup['trackers'] = [];

  constructor(access: WatchPageAccess | undefined, log: Logger) {
    this.#access = access;
    this.#log = log;
  }

  /** Returns the address for the page; undefined if it is off. Throws MB1001. */
  static async access(flags: WatchFlags): Promise<WatchPageAccess | undefined> {
    if (flags.page === 'off') return undefined;
    return { ...(await pageAccess(flags.page ?? PAGE_ADDRESS, flags, '--page')), isChosen: flags.page !== undefined };
  }

  /** Serves a round. Returns the address of the page; undefined if there is none. Throws MB1001 for a chosen one. */
  async serve({ config, trackers }: WatchSetup, current: () => Config): Promise<string | undefined> {
    this.#trackers = trackers;
    const { local } = config.lanes;
    if (this.#server !== undefined && (this.#store?.path !== local?.path || this.#store?.mediaPath !== local?.mediaPath))
      await this.close();
    if (this.#access === undefined) return undefined;
    if (local === undefined) {
      if (this.#access.isChosen) this.#log.warn({}, 'page not served: it shows the local store, and there is no lane named local');
      return undefined;
    }
    this.#server ??= await this.#listen(this.#access, local, current);
    this.#store = local;
    return this.#server?.url;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close({ isAtOnce: true });
  }

  async #listen(access: WatchPageAccess, store: LocalLane, current: () => Config): Promise<PageServer | undefined> {
    const sources = {
      store,
      statePath: current().state.path,
      lanes: async () => configuredLanes(current(), this.#trackers),
      linksOf: (root: string) => linksOf(current())(root),
      log: this.#log,
    };
    try {
      const server = await PageServer.listen(access, sources, { flag: '--page', isAnyPort: !access.isChosen });
      server.unref();
      this.#log.info({ url: server.url }, 'page served');
      return server;
    } catch (error) {
      if (access.isChosen) throw error;
      // Nobody asked for a page: a machine without a loopback address mirrors as well.
      this.#log.warn({ reason: messageOf(error) }, 'page not served');
      return undefined;
    }
  }
}
