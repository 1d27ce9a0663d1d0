/** Recognizes a redirect or a login page that answers instead of the server. */

/** The names of settings that users know, for hints. */
export interface SettingNames {
  readonly address: string;
  /** The settings of credentials: `token_file (MLFLOW_TRACKING_TOKEN)`. */
  readonly access?: string;
}

/** The error code and the hint for whatever is in front of a tracker (a login page, a redirect). */
export interface RedirectProblem {
  readonly code: 'MB4002' | 'MB4003';
  readonly hint: string;
}

/** Words in a host's name or a path that mean that a person must log in. */
const LOGIN_WORD =
  /(?:^|[^a-z])(?:log-?in|sign-?in|sso|oauth2?|oidc|saml2?|auth(?:n|z|orize|enticate)?|adfs|okta|idp|keycloak|accounts)(?![a-z])/i;

/** The part of a page that is checked. */
const LOOKED_AT = 16 * 1024;

/**
 * Returns the meaning of a redirect, with a hint. `path`: that of the request, without the part of the base address.
 */
export function redirectProblem(location: string, base: string, path: string, names: SettingNames = NAMES): RedirectProblem {
  const requested = new URL(base);
  const target = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (target === undefined) return elsewhere(names);
  const [plain = ''] = path.split('?', 1);
  if (plain.length > 1 && target.pathname.endsWith(plain)) {
    const address = target.origin + target.pathname.slice(0, -plain.length);
    return { code: 'MB4003', hint: `Write ${names.address}: ${address}` };
  }
  if (target.host !== requested.host || LOGIN_WORD.test(target.pathname)) return { code: 'MB4002', hint: loginHint(names) };
  return elsewhere(names);
}

function elsewhere({ address }: SettingNames): RedirectProblem {
  return { code: 'MB4003', hint: `Check ${address}: it does not lead to the API.` };
}

/** True if a page is a login page. */
export function isLoginPage(body: Uint8Array): boolean {
  const page = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, LOOKED_AT)).toString('utf8');
  if (!isMarkup(page)) return false;
  return /type=["']?password|\b(?:log|sign)(?:ging|ing)?[ -]?(?:in|on)\b|\bsso\b|\boauth2?\b|\bsaml\b/i.test(page);
}

/** True if a text is a page for people. Servers of an API call their plain texts pages, too. */
export function isMarkup(text: string): boolean {
  return /^\s*<(?:!doctype html|html|head|body)\b/i.test(text);
}

/** The remedy when a login page answers. */
export function loginHint({ access = 'the token, the key or headers' }: SettingNames = NAMES): string {
  return `The credentials are missing or expired: set or renew ${access}.`;
}

const NAMES: SettingNames = { address: 'the address' };
