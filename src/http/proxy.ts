import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { TlsMaterial } from './tls.ts';

/** Servers on this machine, our own ones among them, are never asked through a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,::1';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a proxy is named by `HTTP_PROXY` or `HTTPS_PROXY`, in capitals or not. */
export function namesProxy(env: Environment): boolean {
  return proxiesIn(env).some((proxy) => proxy !== undefined);
}

/** Connections as the usual variables say: over proxies, but for the servers that `NO_PROXY` names. */
export function makeAgent(options: Agent.Options & { readonly connect: object }, tls: TlsMaterial, env: Environment): Dispatcher {
  const [httpProxy, httpsProxy] = proxiesIn(env);
  if (httpProxy === undefined && httpsProxy === undefined) return new Agent(options);
  const without = textOf(env, 'no_proxy');
  return new EnvHttpProxyAgent({
    ...options,
    // Said in full: what is left out it would read from the variables by itself.
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy: without === '*' ? without : [without, LOOPBACK].filter((part) => part !== undefined).join(','),
    requestTls: { ...tls },
  });
}

function proxiesIn(env: Environment): readonly [http: string | undefined, https: string | undefined] {
  return [textOf(env, 'http_proxy'), textOf(env, 'https_proxy')];
}

function textOf(env: Environment, name: string): string | undefined {
  const text = env[name] ?? env[name.toUpperCase()];
  return text === '' ? undefined : text;
}
