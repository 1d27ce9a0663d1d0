import { type Config, LANES_VARIABLES, loadConfig } from '../config/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { resolveLanes } from '../lanes/index.ts';
import { type CommandContext, configFlags, type GlobalOptions } from './context.ts';
import type { Finding } from './finding.ts';
import type { ReadFile } from './read-config.ts';

/** What would be wrong with the other profiles of a file, and with its lanes that are not used: a misspelled setting should not wait there. */
export async function unusedFindings(
  config: Config,
  flags: GlobalOptions,
  { env }: Pick<CommandContext, 'env'>,
  readFile: ReadFile,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const own = Object.fromEntries(Object.entries(env).filter(([variable]) => !LANES_VARIABLES.some((one) => one === variable)));
  const look = async (
    area: string,
    name: string,
    more: { readonly profile?: string; readonly lanes?: readonly string[] },
  ): Promise<void> => {
    try {
      const other = await loadConfig({ flags: { ...configFlags(flags), ...more }, env: own, cwd: process.cwd(), readFile });
      await resolveLanes(other, own);
    } catch (error) {
      findings.push(unusedFinding(area, name, error));
    }
  };
  for (const profile of config.profiles) if (profile !== config.profile) await look('profile', profile, { profile });
  for (const lane of config.unusedLanes) if (lane !== 'local') await look('lane', lane, { lanes: [lane] });
  return findings;
}

/** What is wrong whatever the surroundings is a problem; what may be set, mounted or installed where it is used is a note. */
function unusedFinding(area: string, name: string, error: unknown): Finding {
  const code = error instanceof MirrorError ? error.code : undefined;
  const isSure = error instanceof MirrorError && code === 'MB1002' && error.context['is_local'] !== true;
  const [first = '', ...more] = messageOf(error)
    .split('\n')
    .map((line) => line.trim());
  return {
    area,
    name,
    state: isSure ? 'problem' : 'note',
    text: isSure ? first : `not used; here it could not be used: ${first}`,
    more,
    ...(error instanceof MirrorError && error.hint !== undefined ? { hint: error.hint } : {}),
  };
}
