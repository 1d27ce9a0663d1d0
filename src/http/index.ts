/** The HTTP client that all backends share: pools, time limits, answers as values, nothing secret in errors. */
export type { HttpAnswer, HttpHeaders } from './answer.ts';
export { headerOf } from './answer.ts';
export { SHORT_ANSWER } from './answer-body.ts';
export { type BodyStream, deadlineOf, HttpClient, type HttpOptions, type HttpRequest } from './http-client.ts';
export { type JsonAnswer, type Parsed, parseJson, readJson } from './json.ts';
export { findProgram, type ManagedCommand, ManagedServer, type ServerRemedy } from './managed-server.ts';
export { type NamedAnswer, NamedPlaces, type NamedPlacesOptions, uploadHeaders } from './named-places.ts';
export { MOST_LISTED, Pages } from './pages.ts';
export { plainText } from './plain-text.ts';
export { redact, redactCut } from './redact.ts';
export { parseRetryAfter } from './retry-after.ts';
export { type Fields, isFields, isOddAnswer, kindOf, oddAnswer, Said, type Source, taken, unusableAnswer, wholeNumber } from './said.ts';
export { isTooLarge, tooLargeAnswer } from './too-large.ts';
export { readTlsFiles, type TlsOptions } from './tls.ts';
