import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { RequestError } from '../../domain/errors.js'
import type { HttpApp } from '../http-app.js'

/**
 * Refuses requests that a page of somebody else makes a browser send.
 *
 * DNS rebinding: the page's name resolves to this server, so its requests carry that name as Host. An address cannot be
 * rebound; a name must be one of this server's. CSRF: a browser names the page's origin, which must be this server.
 */
export function addOriginChecks(app: HttpApp, names: readonly string[]): void {
  const own = new Set(['localhost', hostname().toLowerCase(), ...names.map(name => name.toLowerCase())])
  app.addHook('onRequest', async ({ headers, routeOptions, is404 }) => {
    const { host = '', origin } = headers
    const name = nameOf(host)
    if (name === null || !(own.has(name) || isIP(name) !== 0))
      throw new RequestError('HOST_REFUSED', `The Host ${JSON.stringify(host)} is not a name of this server.`, {
        field: 'headers.host',
        expected: `an address, or one of ${[...own].join(', ')}`,
        found: host,
        action: 'Start the server with --name NAME to let it answer to another name.',
      })
    // Behind a proxy that ends TLS the schemes differ.
    const isOwn = origin === undefined || origin.replace(/^https?:\/\//, '') === host.toLowerCase()
    // A link leads to a view of the page, or nowhere, and shows nothing to the page with the link.
    const isLink = (routeOptions.config.page === true || is404) && headers['sec-fetch-dest'] === 'document'
    if (!isOwn || (headers['sec-fetch-site'] === 'cross-site' && !isLink))
      throw new RequestError('ORIGIN_REFUSED', 'Pages of other origins may not use this server.', {
        field: 'headers.origin',
        expected: host,
        found: origin ?? 'a cross-site request',
      })
  })
}

/** The name or address in a Host header, without its port; null for anything else. */
function nameOf(host: string): string | null {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return address ?? name?.toLowerCase().replace(/\.$/, '') ?? null
}
