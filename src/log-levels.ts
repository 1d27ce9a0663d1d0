/** The levels, from silence to everything; each level includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
/**
 * The least important level that is logged. error: a person must act; warn: something was skipped or is late; info:
 * starts, stops, changes of state; debug: each batch.
 */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The forms of log lines. */
export const LOG_FORMATS = ['json', 'pretty'] as const;
/** `json`: one object a line, for programs. `pretty`: time, level, message and fields, for people. */
export type LogFormat = (typeof LOG_FORMATS)[number];
