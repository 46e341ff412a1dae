const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>\\]+/gi
/** Keys of the HTTP API. Their ids stay. */
const KEYS = /\buc_([0-9a-f]{8})_[A-Za-z0-9_-]{20,}/g

/** Access tokens of the Hugging Face hub. */
const HUB_TOKENS = /\bhf_[A-Za-z0-9]{20,}/g

/**
 * Redacts a text for logs and messages, also a line of JSON. URLs keep host and path but lose user, password and the
 * values of their query, which hold the signature of signed URLs.
 * Keys of the HTTP API lose their secret, and access tokens of the hub everything.
 */
export function redact(text: string): string {
  const withoutKeys = text.replace(KEYS, 'uc_$1_…').replace(HUB_TOKENS, 'hf_…')
  return withoutKeys.replace(URLS, url =>
    url.replace(/:\/\/[^/?#]*@/, '://…@').replace(/([?&#][^=&#]*)=[^&#]*/g, (_, name: string) => `${name}=…`),
  )
}
