/** How a backend reads its section of the configuration: fields of known kinds, variables, defaults, and what is wrong. */
export { ADDRESS, count, type Kind, LIST, oneOf, PATH, SECONDS, SWITCH, switchOf, TEXT } from './kinds.ts';
export { type Environment, type Fields, Section } from './section.ts';
