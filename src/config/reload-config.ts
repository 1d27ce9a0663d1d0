import { MirrorError } from '../errors.ts';
import type { Config } from './config.ts';
import { loadConfig, type Surroundings } from './load-config.ts';
import { readRegularText } from './read-text.ts';

/**
 * The configuration as it is now, for a process that works by a former one. A file that was in force and has no
 * settings any more is an error as well: the defaults in its place would drop lanes and fill another store.
 */
export async function reloadConfig(former: Config, surroundings: Surroundings): Promise<Config> {
  // A pipe returns its text once, and a pipe without a writer never ends.
  const config = await loadConfig({ readFile: readRegularText, ...surroundings });
  const { file } = former;
  if (file === undefined || config.hasSettings || (!former.hasSettings && config.file !== undefined)) return config;
  throw new MirrorError('MB1003', `reading the configuration ${file}: ${config.file === undefined ? 'no such file' : 'it is empty'}`, {
    hint: 'Put its content back. To use the defaults, restart mirrorboard.',
    context: { file },
  });
}
