/** The part of a logger that facts need: fields first, then a fixed phrase. */
export interface FactLog {
  debug(fields: object, phrase: string): void;
  info(fields: object, phrase: string): void;
  warn(fields: object, phrase: string): void;
}
