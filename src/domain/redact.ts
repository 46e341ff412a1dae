const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>\\]+/gi

/**
 * A text for logs and messages, a line of JSON too: URLs in it keep their host and path, but neither user and password nor the values of their
 * query, where signed URLs have their signature.
 */
export function redact(text: string): string {
  return text.replace(URLS, url =>
    url.replace(/:\/\/[^/?#]*@/, '://…@').replace(/([?&#][^=&#]*)=[^&#]*/g, (_, name: string) => `${name}=…`),
  )
}
