import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { version } from '../../src/cli/version.ts';

/** `2 cores (AMD EPYC), 25 GB`. */
export function machine(): string {
  const [cpu] = cpus();
  const cores = availableParallelism();
  return `${cores} ${cores === 1 ? 'core' : 'cores'} (${cpu?.model.trim() ?? 'unknown processor'}), ${Math.round(totalmem() / 1e9)} GB`;
}

/** What figures depend on, as sentences: the machine and its load, the versions, the date, and how it was measured. */
export function circumstances(pairs: number, load: number, references: readonly string[]): string {
  const versions = [`Node ${process.versions.node}`, `mirrorboard ${version()}`, ...references];
  const date = new Date().toISOString().slice(0, 10);
  const where = `${machine()}, ${type()} ${release().split('.').slice(0, 2).join('.')}, load ${load.toFixed(1)} before`;
  const ratios = `A ratio is the median of ${pairs === 1 ? 'one pair' : `${pairs} pairs`} in turns, after a warm-up round (lowest–highest).`;
  return `Measured on ${date}: ${where}. ${versions.join(', ')}. ${ratios}`;
}

/** The load of the machine now: how many processes want to run. */
export function loadNow(): number {
  return loadavg()[0] ?? 0;
}
