// The lane's section of mirrorboard.yaml.
import { ADDRESS, type Environment, PATH, type ParsedSettings, SECONDS, Section, type SettingFields, TEXT } from 'mirrorboard/backend';

export interface Settings {
  readonly url: string;
  readonly token: string | undefined;
  /** Reads the token's file again, after the service rejected the token. */
  readonly renewToken: (() => string | undefined) | undefined;
  readonly timeoutMs: number;
}

/**
 * The settings, declared as data, so that mirrorboard can merge layers of a configuration without reading a value.
 */
export const FIELDS = {
  url: { kind: ADDRESS, aliases: ['address'], env: ['JSONL_URL'] },
  token: { kind: TEXT, env: ['JSONL_TOKEN'], isSecret: true },
  token_file: { kind: PATH, excludes: ['token'] },
  request_timeout: { kind: SECONDS, fallback: 60 },
} satisfies SettingFields;

export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<Settings> {
  const section = new Section(FIELDS, raw, env);
  const url = section.get('url');
  if (url === undefined && !section.isWrong('url')) {
    section.wrong('url', 'nothing', 'the address of the service', 'Set url, or the variable JSONL_URL.');
  }
  return section.result({
    url: url ?? '',
    token: section.secret('token', 'token_file'),
    renewToken: section.secretAgain('token', 'token_file'),
    timeoutMs: section.get('request_timeout') * 1000,
  });
}
