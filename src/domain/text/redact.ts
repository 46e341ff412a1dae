const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>\\]+/gi

/**
 * Redacts a text for logs and messages, also a line of JSON. URLs keep host and path but lose user, password and the
 * values of their query, which hold the signature of signed URLs.
 */
export function redact(text: string): string {
  return text.replace(URLS, url =>
    url.replace(/:\/\/[^/?#]*@/, '://…@').replace(/([?&#][^=&#]*)=[^&#]*/g, (_, name: string) => `${name}=…`),
  )
}
