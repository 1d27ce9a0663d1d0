/** The HTTP client that all backends share: pools, time limits, answers as values, no secrets in errors. */
export { type HttpAnswer, type HttpHeaders, headerOf } from './answer.ts';
export { AnswerFields, type AnswerSource, type Fields, isFields, isOddAnswer, kindOf, oddAnswer, wholeNumber } from './answer-fields.ts';
export type { Auth, Authorization, Authorizer, UnsignedRequest } from './credentials.ts';
export { type BodyStream, deadlineOf, HttpClient, type HttpOptions, type HttpRequest } from './http-client.ts';
export { parseJson, readJson } from './json.ts';
export { eachPage, type Listing, type Page } from './listing.ts';
export { findProgram, ManagedServer, type ServerRemedy } from './managed-server.ts';
export { type NamedAnswer, NamedHosts, type NamedHostsOptions, uploadHeaders } from './named-hosts.ts';
export { FolderWalk, MOST_LISTED, PageSize, Pages } from './pages.ts';
export { plainText } from './plain-text.ts';
export { proxyVariables } from './proxy.ts';
export { redact, redactCut } from './redact.ts';
export { loginHint, type SettingNames } from './redirect-problem.ts';
export { isPage, keepWide, oneLine, type Reply, taken, unusableAnswer, valueOrThrow, wordsOf } from './reply.ts';
export { readTlsFiles, type TlsOptions } from './tls.ts';
export { isTooLarge, tooLargeAnswer } from './too-large.ts';
export { within } from './within.ts';
