/**
 * How a backend reads its section of the configuration: fields of known kinds, variables, defaults, and what is
 * wrong.
 */
export { switchOf } from '../../flag-names.ts';
export { ADDRESS, count, HEADERS, type Kind, LIST, oneOf, PATH, SECONDS, SWITCH, TEXT } from './kinds.ts';
export { type Beneath, type Field, type Fields, Section, type ValueOf } from './section.ts';
