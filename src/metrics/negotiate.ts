/** The longest header that is read, in characters: no monitoring sends more. */
const MOST_ACCEPT = 1000;

/**
 * True if the client prefers OpenMetrics to Prometheus's older text format, by its `Accept` header
 * (https://prometheus.io/docs/instrumenting/content_negotiation/).
 */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  let [open, text] = [0, 0];
  for (const choice of (accept ?? '').slice(0, MOST_ACCEPT).split(',')) {
    const [type = '', ...params] = choice.split(';').map((part) => part.trim().toLowerCase());
    if (type === 'application/openmetrics-text' && isSupported(params)) open = Math.max(open, qualityOf(params));
    if (type === 'text/plain') text = Math.max(text, qualityOf(params));
  }
  return open > 0 && open >= text;
}

/** True if the version is 1.0.0, the only one served here, or if the client names none. */
function isSupported(params: readonly string[]): boolean {
  const version = params.find((param) => param.startsWith('version='));
  return version === undefined || version === 'version=1.0.0' || version === 'version="1.0.0"';
}

function qualityOf(params: readonly string[]): number {
  const param = params.find((each) => each.startsWith('q='));
  const quality = param === undefined ? 1 : Number(param.slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}
