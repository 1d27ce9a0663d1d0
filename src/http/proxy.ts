import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Environment } from '../environment.ts';
import type { TlsMaterial } from './tls.ts';

/** Requests to servers on this machine, including those that mirrorboard starts, never go through a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,::1';

/** True if `HTTP_PROXY` or `HTTPS_PROXY`, in capitals or not, names a proxy. */
export function namesProxy(env: Environment): boolean {
  return proxiesIn(env).some((proxy) => proxy !== undefined);
}

/** Creates connections by the usual variables: over proxies, except for the servers that `NO_PROXY` names. */
export function makeAgent(options: Agent.Options & { readonly connect: object }, tls: TlsMaterial, env: Environment): Dispatcher {
  const [httpProxy, httpsProxy] = proxiesIn(env);
  if (httpProxy === undefined && httpsProxy === undefined) return new Agent(options);
  return new EnvHttpProxyAgent({
    ...options,
    // All values are given: the library would read missing ones from the variables on its own.
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy: exceptionsIn(env),
    requestTls: { ...tls },
  });
}

/** Returns the proxy variables for connections of Node's own clients; undefined if no proxy is named. */
export function proxyVariables(env: Environment): Readonly<Record<string, string>> | undefined {
  if (!namesProxy(env)) return undefined;
  const [httpProxy, httpsProxy] = proxiesIn(env);
  return {
    ...(httpProxy === undefined ? {} : { HTTP_PROXY: httpProxy }),
    ...(httpsProxy === undefined ? {} : { HTTPS_PROXY: httpsProxy }),
    NO_PROXY: exceptionsIn(env),
  };
}

function exceptionsIn(env: Environment): string {
  const without = textOf(env, 'no_proxy');
  return without === '*' ? without : [without, LOOPBACK].filter((part) => part !== undefined).join(',');
}

function proxiesIn(env: Environment): readonly [http: string | undefined, https: string | undefined] {
  return [textOf(env, 'http_proxy'), textOf(env, 'https_proxy')];
}

function textOf(env: Environment, name: string): string | undefined {
  const text = env[name] ?? env[name.toUpperCase()];
  return text === '' ? undefined : text;
}
