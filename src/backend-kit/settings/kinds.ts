import { switchOf } from '../../flag-names.ts';

/** The kinds of values that settings have. */

/** A kind of value: how to read it from YAML or a variable, and how to describe it if another value was found. */
export interface SettingKind<Value> {
  /** The description of a valid value, for messages. */
  readonly expected: string;
  /** Returns undefined if the value is not of this kind. A variable is always a text, whatever it means. */
  parse(raw: unknown, isVariable: boolean): Value | undefined;
}

/** A text that is not empty; integers of YAML count as texts. */
export const TEXT: SettingKind<string> = {
  expected: 'a text',
  parse(raw) {
    // YAML reads a name, an id or a password of digits only as a number.
    if (typeof raw === 'number' && Number.isSafeInteger(raw)) return String(raw);
    return typeof raw === 'string' && raw !== '' ? raw : undefined;
  },
};

/** A path; it need not exist. */
export const PATH: SettingKind<string> = { ...TEXT, expected: 'the path of a file or folder' };

/** True or false; in a variable also 1, 0, yes, no, on, off. */
export const SWITCH: SettingKind<boolean> = {
  expected: 'true or false',
  parse(raw, isVariable) {
    if (typeof raw === 'boolean') return raw;
    return isVariable && typeof raw === 'string' ? switchOf(raw) : undefined;
  },
};

/** A duration in seconds, above 0; fractions are allowed. */
export const SECONDS: SettingKind<number> = {
  expected: 'seconds, a number above 0',
  parse(raw, isVariable) {
    const seconds = numberOf(raw, isVariable);
    return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
  },
};

/** A list of texts; in a variable separated by commas. */
export const LIST: SettingKind<readonly string[]> = {
  expected: 'a list of texts',
  parse(raw, isVariable) {
    if (isVariable && typeof raw === 'string') {
      return raw
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '');
    }
    return Array.isArray(raw) && raw.every((one) => typeof one === 'string' || typeof one === 'number') ? raw.map(String) : undefined;
  },
};

/** An address over HTTP, without slashes at its end. */
export const ADDRESS: SettingKind<string> = {
  expected: 'an address that begins with http:// or https://',
  parse(raw) {
    return typeof raw === 'string' && /^https?:\/\/[^/]/i.test(raw) && URL.canParse(raw) ? raw.replace(/\/+$/, '') : undefined;
  },
};

/** Headers sent with every request, for a proxy in front of the tracker. Names are in lower case. */
export const HEADERS: SettingKind<Readonly<Record<string, string>>> = {
  expected: 'names and values of headers',
  parse(raw) {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(raw)) {
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) || (typeof value !== 'string' && typeof value !== 'number')) return undefined;
      if (/[\r\n\0]/.test(String(value))) return undefined;
      headers[name.toLowerCase()] = String(value);
    }
    return headers;
  },
};

/** A whole number within bounds, both included. */
export function count(least: number, most: number): SettingKind<number> {
  return {
    expected: `a whole number from ${least} to ${most}`,
    parse(raw, isVariable) {
      const found = numberOf(raw, isVariable);
      return Number.isInteger(found) && found >= least && found <= most ? found : undefined;
    },
  };
}

/** One of a few words; `older` are other words for some of them. */
export function oneOf<const Word extends string>(words: readonly Word[], older: Readonly<Record<string, Word>> = {}): SettingKind<Word> {
  return {
    expected: `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    parse(raw) {
      if (typeof raw !== 'string') return undefined;
      return words.find((word) => word === raw) ?? (Object.hasOwn(older, raw) ? older[raw] : undefined);
    },
  };
}

function numberOf(raw: unknown, isVariable: boolean): number {
  if (typeof raw === 'number') return raw;
  return isVariable && typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
}
