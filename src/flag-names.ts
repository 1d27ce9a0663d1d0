/** The names of flags and of their variables: one rule for all of them. */

/** The flags whose values the configuration takes with its own. It notes where each value comes from. */
export const CONFIGURATION_FLAGS = [
  ...(['config', 'profile', 'store', 'state', 'memory', 'links', 'replaced', 'shard', 'logLevel', 'logFormat'] as const),
  ...(['scanInterval', 'runEndedAfter', 'shutdownGrace'] as const),
] as const;

/** Returns the name of a flag's variable: `logLevel` is `MIRRORBOARD_LOG_LEVEL`. */
export function environmentName(flag: string): string {
  return `MIRRORBOARD_${kebab(flag).replaceAll('-', '_').toUpperCase()}`;
}

/** Returns a flag as it is typed: `logLevel` is `--log-level`. */
export function flagName(flag: string): string {
  return `--${kebab(flag)}`;
}

/** Returns the value of a variable with one of the usual words; undefined for any other text. */
export function switchOf(text: string): boolean | undefined {
  if (/^(true|1|yes|on|y)$/i.test(text)) return true;
  return /^(false|0|no|off|n)$/i.test(text) ? false : undefined;
}

function kebab(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
