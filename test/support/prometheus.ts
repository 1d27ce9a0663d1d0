// Prometheus and promtool: Debian's package, unpacked once into the cache, and a server that scrapes one address.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, installedOnce, outputOf, REPOSITORY, startServer } from './python-tools.ts';

const INSTALL_MS = 300_000;
const TOOL_MS = 120_000;

/** The folder with the two programs; throws where they can't be had. */
export async function prometheusTools(): Promise<string> {
  const place = await installedOnce({ name: 'prometheus', folder: 'debian', version: 'prometheus', install: unpack });
  return join(place, 'usr/bin');
}

/** No package is installed, so it needs no rights: the programs need nothing but the C library. */
async function unpack(place: string): Promise<void> {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-deb-'));
  try {
    try {
      await outputOf('apt-get', ['download', 'prometheus'], INSTALL_MS, {}, folder);
    } catch {
      // The machine has no list of packages yet: one of our own, which needs no rights.
      for (const name of ['lists/partial', 'archives/partial']) mkdirSync(join(folder, name), { recursive: true });
      const own = ['-o', `Dir::State::Lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${folder}`];
      await outputOf('apt-get', [...own, 'update'], INSTALL_MS, {}, folder);
      await outputOf('apt-get', [...own, 'download', 'prometheus'], INSTALL_MS, {}, folder);
    }
    const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    await outputOf('dpkg', ['-x', join(folder, file), place], INSTALL_MS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What promtool says; throws what it found wrong. */
export async function promtool(args: readonly string[], cwd?: string): Promise<string> {
  return await outputOf(join(await prometheusTools(), 'promtool'), args, TOOL_MS, {}, cwd);
}

export interface PrometheusServer {
  /** The answer to a query, by the path of its API. */
  ask(
    path: string,
    query?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: string; readonly data: unknown; readonly error?: string }>;
  stop(): Promise<void>;
}

/** Starts a server that scrapes an address every second, with our alert rules. */
export async function startPrometheus(target: string): Promise<PrometheusServer> {
  const bin = await prometheusTools();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(REPOSITORY, 'config/prometheus/alerts.yaml')],
    scrape_configs: [{ job_name: 'mirrorboard', static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const server = await startServer({
    program: join(bin, 'prometheus'),
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    env: cleanEnv(),
    cwd: folder,
    healthUrl: `http://${address}/-/ready`,
  });
  return {
    ask: async (path, query = {}) => {
      const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(query)}`);
      return (await response.json()) as Awaited<ReturnType<PrometheusServer['ask']>>;
    },
    stop: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
