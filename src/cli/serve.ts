import { once } from 'node:events';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { API_BASE, makeApi } from '../api/index.ts';
import { linksOf, readText } from '../config/index.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { StoreQueries } from '../query/index.ts';
import { createLogger, isLoopback, listenFailure, parseListen } from '../status/index.ts';
import { ConfiguredLanes } from './configured-lanes.ts';
import { type CommandContext, type GlobalOptions, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { localLane, readConfig } from './read-config.ts';
import { visibleText } from './terminal/index.ts';
import { version } from './version.ts';

/** The options of `serve`. */
interface ServeFlags extends GlobalOptions {
  readonly listen?: string;
  readonly listenHost: readonly string[];
  readonly tokenFile?: string;
  readonly withoutToken?: boolean;
}

const DEFAULT_LISTEN = '127.0.0.1:6070';
/** A shorter token can be guessed. */
const LEAST_TOKEN = 16;

/** Serves the local store and the state over HTTP until it is asked to end. It writes to neither. */
export async function serveCommand(flags: ServeFlags, context: CommandContext): Promise<void> {
  const { stdout, stderr } = context;
  const config = await readConfig(flags, context, { readsState: true, defaultLogLevel: 'warn' });
  const lane = localLane(config);
  const { host, port } = parseListen(flags.listen ?? DEFAULT_LISTEN);
  const token = flags.tokenFile === undefined ? undefined : await tokenIn(flags.tokenFile);
  if (token === undefined && flags.withoutToken !== true && !isLoopback(host)) {
    throw new MirrorError('MB1001', `--listen: ${host} is not a loopback address, and there is no --token-file`, {
      hint: 'Write a token into a file, and name it with --token-file; or let everyone read everything with --without-token.',
    });
  }
  const log = await createLogger({ level: config.log.level, format: config.log.format, stream: stderr });
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const store = new StoreQueries(lane.path);
  let app: FastifyInstance | undefined;
  const lanes = new ConfiguredLanes(config, context.env, (error) => log.warn({ err: error }, 'pages of runs in trackers are unknown'));
  try {
    // Fails now if there is no store, rather than with each request.
    await store.ask({ kind: 'roots' }, interrupt.signal);
    app = makeApi({
      store,
      storePath: lane.path,
      mediaPath: lane.mediaPath,
      statePath: config.state.path,
      configured: () => lanes.lanes(),
      linksOf: linksOf(config),
      version: version(),
      hosts: { host, hosts: flags.listenHost },
      token,
      onFailure: (error, request) => log.error({ err: error, request }, 'a request failed'),
    });
    await listen(app, host, port);
    const url = `http://${isIPv6(host) ? `[${host}]` : host}:${(app.server.address() as AddressInfo).port}${API_BASE}`;
    if (flags.json === true)
      await writeOut(stdout, `${JSON.stringify({ type: 'serve', url, store: lane.path, state: config.state.path })}\n`);
    else if ((flags.quiet ?? 0) < 2) stderr.write(`Serving ${visibleText(lane.path)} at ${url}/ (Ctrl-C ends it)\n`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    context.exitCode = ExitCode.done;
  } finally {
    await app?.close();
    await store.close();
    await lanes.close();
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenFailure(`${host}:${port}`, error);
  }
}

/** Reads the token of a file, without the end of its last line. */
async function tokenIn(path: string): Promise<string> {
  const fault = (why: string): MirrorError =>
    new MirrorError('MB1001', `--token-file: ${path} ${why}`, {
      hint: 'For example, create one with: openssl rand -hex 32 > token',
      context: { path },
    });
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    throw fault(`cannot be read: ${messageOf(error)}`);
  }
  const token = text.replace(/\r?\n$/, '');
  if (!/^[\x21-\x7e]*$/.test(token)) throw fault('holds more than one word of ASCII characters');
  if (token.length < LEAST_TOKEN) throw fault(`holds a token of ${token.length} characters, expected at least ${LEAST_TOKEN}`);
  return token;
}
