/** Environment variables by name, as in `process.env`; tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;
