/** Names of query parameters, headers and fields that hold a secret. */
const SECRET_NAME =
  /(?:^|[-_.])(?:api_?key|access_?key|key|token|password|passwd|secret|signature|sig|credential|credentials|authorization|auth)$/i;

const REDACTED = '[redacted]';

/**
 * The one function that takes secrets out of a text before anybody sees it: user and password in addresses, query parameters and
 * JSON fields named like secrets, credentials behind `Basic` and `Bearer`, and every text in `known`, also as an address writes it.
 */
export function redact(text: string, known: readonly string[] = []): string {
  let out = text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/"'<>@]*@/gi, `$1${REDACTED}@`)
    .replace(/([?&;])([^=&\s"'<>#]+)=([^&\s"'<>#]*)/g, (whole, lead: string, name: string) =>
      isSecretName(name) ? `${lead}${name}=${REDACTED}` : whole,
    )
    .replace(/\b(basic|bearer)(\s+)[a-z0-9+/._~=-]{4,}/gi, `$1$2${REDACTED}`)
    .replace(/"([^"\\]{1,60})"(\s*:\s*)"(?:[^"\\]|\\.)*"/g, (whole, name: string, colon: string) =>
      isSecretName(name) ? `"${name}"${colon}"${REDACTED}"` : whole,
    );
  for (const secret of known) {
    // Very short ones would blacken half of the text, and are no secrets.
    if (secret.length < 4) continue;
    for (const form of new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])) {
      out = out.replaceAll(form, REDACTED);
    }
  }
  return out;
}

function isSecretName(name: string): boolean {
  let plain = name;
  try {
    plain = decodeURIComponent(name);
  } catch {
    // Not an encoded name: it is what it is.
  }
  return SECRET_NAME.test(plain.replace(/([a-z0-9])([A-Z])/g, '$1_$2'));
}
