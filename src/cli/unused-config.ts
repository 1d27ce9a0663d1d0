import { type Config, LANES_VARIABLES, loadConfig } from '../config/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { resolveLanes } from '../lanes/index.ts';
import { type CommandContext, configFlags, type GlobalOptions } from './context.ts';
import type { Finding } from './finding.ts';
import type { ConfigReader } from './read-config.ts';

/**
 * Returns problems with the other profiles of a file, and with its unused lanes: a misspelled setting should show
 * before they are used.
 */
export async function unusedFindings(
  config: Config,
  flags: GlobalOptions,
  { env }: Pick<CommandContext, 'env'>,
  readFile: ConfigReader,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const own = Object.fromEntries(Object.entries(env).filter(([variable]) => !LANES_VARIABLES.some((one) => one === variable)));
  const look = async (
    area: string,
    name: string,
    more: { readonly profile?: string; readonly lanes?: readonly string[] },
  ): Promise<void> => {
    let bare: readonly string[] = [];
    try {
      const other = await loadConfig({ flags: { ...configFlags(flags), ...more }, env: own, cwd: process.cwd(), readFile });
      bare = area === 'profile' ? other.lanes.trackers.filter(({ origins }) => origins.size === 0).map((lane) => lane.name) : [];
      await resolveLanes(other, own);
    } catch (error) {
      findings.push(unusedFinding(area, name, error, bare));
    }
  };
  for (const profile of config.profiles) if (profile !== config.profile) await look('profile', profile, { profile });
  for (const lane of config.unusedLanes) if (lane !== 'local') await look('lane', lane, { lanes: [lane] });
  return findings;
}

/**
 * Returns the finding of an error. An error that is always wrong is a problem. A value that may be set, mounted or
 * installed on another machine is a note. `bare`: lanes of the profile whose target the file does not set.
 */
function unusedFinding(area: string, name: string, error: unknown, bare: readonly string[]): Finding {
  const context = error instanceof MirrorError ? error.context : {};
  const code = error instanceof MirrorError ? error.code : undefined;
  const missing = code === 'MB1002' ? bare.find((lane) => String(context['field']).startsWith(`lanes.${lane}.`)) : undefined;
  // A type that differs from a built-in one by a letter or two is not a package that is installed elsewhere.
  const isSure = (code === 'MB1002' && context['is_local'] !== true) || context['meant'] !== undefined || missing !== undefined;
  const [first = '', ...more] = messageOf(error)
    .split('\n')
    .map((line) => line.trim());
  return {
    area,
    name,
    state: isSure ? 'problem' : 'note',
    text:
      missing !== undefined
        ? `the lane ${missing} is not configured: ${first}`
        : isSure
          ? first
          : `not in use, and not usable here: ${first}`,
    more,
    ...hintOf(error, missing),
  };
}

function hintOf(error: unknown, missing: string | undefined): Pick<Finding, 'hint'> {
  if (missing !== undefined) return { hint: `Set below lanes.${missing} what it needs; refer to variables as \${VAR}` };
  return error instanceof MirrorError && error.hint !== undefined ? { hint: error.hint } : {};
}
