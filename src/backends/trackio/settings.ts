import { ADDRESS, HEADERS, PATH, SECONDS, Section, type SettingFields, SWITCH, TEXT } from '../../backend-kit/settings/index.ts';
import type { ParsedSettings } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import type { TlsOptions } from '../../http/index.ts';
import { storedProject } from './projects.ts';

/** A lane's section of the configuration, validated and with defaults. */
export interface TrackioSettings {
  readonly url: string;
  readonly writeToken: string | undefined;
  /** Reads the token's file again, after the server rejected the token. */
  readonly renewToken: (() => string | undefined) | undefined;
  /** Headers sent with every request, for a proxy in front of the server. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly project: string | undefined;
  /** The folder from which the server imports; undefined: points go over HTTP. */
  readonly inbox: string | undefined;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

/** The settings of a lane, by name. */
export const FIELDS = {
  url: { kind: ADDRESS, aliases: ['server_url'], env: ['TRACKIO_SERVER_URL'] },
  write_token: { kind: TEXT, env: ['TRACKIO_WRITE_TOKEN'], isSecret: true },
  write_token_file: { kind: PATH, excludes: ['write_token'] },
  project: { kind: TEXT },
  inbox: { kind: PATH },
  headers: { kind: HEADERS, isSecret: true },
  request_timeout: { kind: SECONDS, fallback: 120 },
  ca_bundle: { kind: PATH },
  insecure_tls: { kind: SWITCH, fallback: false },
} satisfies SettingFields;

/** Validates a lane's section. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<TrackioSettings> {
  const section = new Section(FIELDS, raw, env);
  const { url, token } = addressOf(section.get('url') ?? '');
  if (url !== '') section.set('url', url, section.sourceOf('url'));
  else if (!section.isWrong('url')) {
    section.wrong('url', 'nothing', 'the address of a Trackio server', 'Set url, or the variable TRACKIO_SERVER_URL.');
  }
  if (token !== undefined && section.sourceOf('url') === 'file') {
    section.wrong(
      'url',
      'an address with a write token',
      'an address without it',
      'Set write_token_file, or the variable TRACKIO_WRITE_TOKEN.',
    );
  }
  const project = section.get('project');
  // Two names that Trackio stores as one would mix their runs.
  if (project !== undefined && storedProject(project) !== project) {
    const expected = `a name that Trackio stores unchanged, such as ${storedProject(project)}: letters, digits, - and _`;
    section.wrong('project', JSON.stringify(project.slice(0, 80)), expected);
  }
  const caPath = section.get('ca_bundle');
  const writeToken = section.secret('write_token', 'write_token_file') ?? token;
  return section.result(
    {
      url,
      writeToken,
      renewToken: section.secretAgain('write_token', 'write_token_file'),
      headers: section.get('headers') ?? {},
      project,
      inbox: section.get('inbox'),
      timeoutMs: section.get('request_timeout') * 1000,
      tls: {
        insecure: section.get('insecure_tls'),
        names: {
          address: 'url',
          access: 'write_token_file (TRACKIO_WRITE_TOKEN) or headers',
          ca: 'ca_bundle',
          cert: 'a client certificate',
        },
        ...(caPath === undefined ? {} : { caPath }),
      },
    },
    writeToken === undefined ? [] : [writeToken],
  );
}

/** Splits the address that `trackio show` prints for writers: it ends with the token. */
function addressOf(text: string): { readonly url: string; readonly token: string | undefined } {
  if (!text.includes('?')) return { url: text, token: undefined };
  const url = new URL(text);
  const token = url.searchParams.get('write_token') ?? undefined;
  url.search = '';
  return { url: url.href.replace(/\/+$/, ''), token };
}
