import { once } from 'node:events';
import { linksOf } from '../config/index.ts';
import { ExitCode } from '../errors.ts';
import { StoreQueries } from '../query/index.ts';
import { createLogger } from '../status/index.ts';
import { ConfiguredLanes } from './configured-lanes.ts';
import { type CommandContext, type GlobalOptions, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { PAGE_ADDRESS, type PageFlags, PageServer, pageAccess } from './page-server.ts';
import { localLane, readConfig } from './read-config.ts';
import { visibleText } from './terminal/index.ts';

/** The options of `page`. */
interface PageCommandFlags extends GlobalOptions, PageFlags {
  readonly listen?: string;
}

/** Serves the page and the API of the local store until it is asked to end. */
export async function pageCommand(flags: PageCommandFlags, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const config = await readConfig(flags, context, { readsState: true, defaultLogLevel: 'warn' });
  const lane = localLane(config);
  const access = await pageAccess(flags.listen ?? PAGE_ADDRESS, flags, '--listen');
  const log = await createLogger({ level: config.log.level, format: config.log.format, stream: stderr });
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const lanes = new ConfiguredLanes(config, env, (error) => log.warn({ err: error }, 'pages of runs in trackers are unknown'));
  let server: PageServer | undefined;
  try {
    await checkStore(lane.path, interrupt.signal);
    const sources = { store: lane, statePath: config.state.path, lanes: () => lanes.lanes(), linksOf: linksOf(config), log };
    server = await PageServer.listen(access, sources, { flag: '--listen' });
    const { url } = server;
    if (flags.json === true) {
      const document = { type: 'page', url, api: `${url}api/v1`, store: lane.path, state: config.state.path };
      await writeOut(stdout, `${JSON.stringify(document)}\n`);
    } else if ((flags.quiet ?? 0) < 2) stderr.write(`Serving ${visibleText(lane.path)} at ${url} (Ctrl-C ends it)\n`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    context.exitCode = ExitCode.done;
  } finally {
    await server?.close();
    await lanes.close();
  }
}

/** Fails now if there is no store, rather than with each request. */
async function checkStore(path: string, signal: AbortSignal): Promise<void> {
  const store = new StoreQueries(path);
  try {
    await store.ask({ kind: 'roots' }, signal);
  } finally {
    await store.close();
  }
}
