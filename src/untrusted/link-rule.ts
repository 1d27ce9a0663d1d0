/**
 * Which links of a root are followed. `inside`: those that lead to something below the root. `owner`: also those whose
 * owner also owns their target, so that users cannot have other people's files read. `all`: every link.
 */
export const LINK_RULES = ['none', 'inside', 'owner', 'all'] as const;
/** Which links below a root are followed; docs/configuration.md explains each. */
export type LinkRule = (typeof LINK_RULES)[number];

/** The rule of a root, by its real path. */
export type LinkRules = (root: string) => LinkRule;

/** Links whose owner owns what they lead to. */
export const DEFAULT_LINKS: LinkRule = 'owner';
