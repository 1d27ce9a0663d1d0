/**
 * The rules for which links of a root are followed. `inside`: those whose target is below the root. `owner`: also
 * those whose owner owns the target, so that users cannot have other people's files read. `all`: every link.
 */
export const LINK_RULES = ['none', 'inside', 'owner', 'all'] as const;
/** A rule for which links below a root are followed; docs/configuration.md explains each. */
export type LinkRule = (typeof LINK_RULES)[number];

/** Returns the rule of a root, by its real path. */
export type LinkRules = (root: string) => LinkRule;

/** The default rule: follow links whose owner owns the target. */
export const DEFAULT_LINKS: LinkRule = 'owner';
