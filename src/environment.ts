/** Environment variables by name, as `process.env` has them; tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;
