/**
 * Opens the files that others put below a root, and nothing else that their links, devices and pipes lead to: this is
 * the only task of `untrusted`.
 */

export { type Directory, directoryOf, fullPath, inDirectory, isWithin, type RootDirectory } from './directory.ts';
export { type LinkFinding, LinkFollower } from './follow-link.ts';
export { DEFAULT_LINKS, LINK_RULES, type LinkRule, type LinkRules } from './link-rule.ts';
export { isOfTheKernel, Mounts, mountsNow } from './mounts.ts';
export { type Looked, lookAt, lookNow, type OpenedFile, openSync, pieces, readWhole } from './open.ts';
