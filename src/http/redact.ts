import { cutText } from '../errors.ts';

/** Names of query parameters, headers and fields that hold a secret. */
const SECRET_NAME =
  /(?:^|[-_.])(?:api_?key|access_?key|key|token|password|passwd|secret|signature|sig|credential|credentials|authorization|auth)$/i;

const REDACTED = '[redacted]';

/** The multiple of the wanted length that is checked: a text gets shorter when its secrets are removed. */
const LOOKED_AT = 4;
/** A cut may go through an address or a token; a text without a blank for this long is treated as one. */
const LONGEST_WORD = 2048;

/**
 * Returns the beginning of a text from outside, without secrets. The text is cut before anything searches for
 * secrets, so that an endless text costs no more than a short one. No part of a secret that the cut went through is
 * left.
 */
export function redactCut(text: string, most: number, known: readonly string[] = []): string {
  const looked = LOOKED_AT * most;
  if (text.length <= looked) return cutText(redact(text, known), most);
  const longest = known.flatMap(formsOf).reduce((most, form) => Math.max(most, form.length), 0);
  const whole = redact(withoutLastWord(text.slice(0, looked)), known);
  return cutText(whole.slice(0, Math.max(0, whole.length - longest)), most);
}

function withoutLastWord(text: string): string {
  let end = text.length;
  const least = Math.max(0, end - LONGEST_WORD);
  while (end > least && text.charCodeAt(end - 1) > 32) end--;
  return text.slice(0, end);
}

/**
 * Removes the secrets from a text before anyone sees it; no other function does this. It removes user and password in
 * addresses, query parameters and JSON fields named like secrets, credentials after `Basic` and `Bearer`, and every
 * text in `known`, also in the form that an address has. Each expression takes time in proportion to the text,
 * whatever it contains.
 */
export function redact(text: string, known: readonly string[] = []): string {
  let out = text
    // Up to the last @; a password may also contain a /, if no port follows the colon.
    .replace(/([a-z0-9+.-]:\/\/)[^\s/"'<>]*@/gi, `$1${REDACTED}@`)
    .replace(/([a-z0-9+.-]:\/\/)[^\s/"'<>@:]+:(?!\d{1,5}(?:[/?#\s"'<>]|$))[^\s"'<>]{0,256}@/gi, `$1${REDACTED}@`)
    .replace(/([?&;])([^=?&;\s"'<>#]+)=([^&\s"'<>#]*)/g, (whole, lead: string, name: string) =>
      isSecretName(name) ? `${lead}${name}=${REDACTED}` : whole,
    )
    .replace(/\b(basic|bearer)(\s+)[a-z0-9+/._~=-]{4,}/gi, `$1$2${REDACTED}`)
    .replace(/"([^"\\]{1,60})"(\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)/g, (whole, name: string, colon: string) =>
      isSecretName(name) ? `"${name}"${colon}"${REDACTED}"` : whole,
    );
  for (const secret of known) {
    // Very short ones would hide half of the text, and are no secrets.
    if (secret.length < 4) continue;
    for (const form of formsOf(secret)) out = out.replaceAll(form, REDACTED);
  }
  return out;
}

/** Returns the forms that a secret may have in a text. */
function formsOf(secret: string): readonly string[] {
  return [...new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])];
}

function isSecretName(name: string): boolean {
  let plain = name;
  try {
    plain = decodeURIComponent(name);
  } catch {
    // The name is not encoded: it stays as it is.
  }
  return SECRET_NAME.test(plain.replace(/([a-z0-9])([A-Z])/g, '$1_$2'));
}
