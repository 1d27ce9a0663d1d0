/** What flags and their variables are called: the one rule for all of them. */

/** Flags whose values the configuration takes up with its own, and notes where they come from. */
export const CONFIGURATION_FLAGS = [
  ...(['config', 'profile', 'store', 'state', 'memory', 'links', 'replaced', 'shard', 'logLevel', 'logFormat'] as const),
  ...(['scanInterval', 'runEndedAfter', 'shutdownGrace'] as const),
] as const;

/** The variable that stands for a flag: `logLevel` is `MIRRORBOARD_LOG_LEVEL`. */
export function environmentName(flag: string): string {
  return `MIRRORBOARD_${kebab(flag).replaceAll('-', '_').toUpperCase()}`;
}

/** A flag as it is typed: `logLevel` is `--log-level`. */
export function flagName(flag: string): string {
  return `--${kebab(flag)}`;
}

/** What a variable says by one of the usual words; undefined for any other. */
export function switchOf(text: string): boolean | undefined {
  if (/^(true|1|yes|on|y)$/i.test(text)) return true;
  return /^(false|0|no|off|n)$/i.test(text) ? false : undefined;
}

function kebab(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
