import { MEBIBYTE } from '../../domain/units.js'
import type { HttpApp } from '../http-app.js'
import { compressedBody, unknownType } from '../problem.js'

/** JSON is parsed and validated in one go, during which no other request is answered: 0.4 s for this much. */
const MAX_LARGE_JSON_BYTES = 16 * MEBIBYTE
/** 10,000 ids of photos. */
const MAX_JSON_BYTES = MEBIBYTE
const PICTURES = /^(image\/|application\/octet-stream\b)/i

/**
 * Reads bodies: JSON, and the bytes of a picture where the schema of the route says `consumes`. Another type is refused
 * before it is read.
 * @param maxBytes the largest body of all
 */
export function addBodyTypes(app: HttpApp, maxBytes: number): void {
  app.addHook('onRoute', route => {
    if (route.schema?.consumes !== undefined) return
    route.bodyLimit = Math.min(maxBytes, route.config?.largeJson ? MAX_LARGE_JSON_BYTES : MAX_JSON_BYTES)
  })
  app.removeContentTypeParser('text/plain')
  const parse = app.getDefaultJsonParser('error', 'error')
  // A request that needs no body may call it JSON all the same.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parse(request, body as string, done),
  )
  for (const type of [/^image\//, 'application/octet-stream'])
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  app.addHook('preParsing', async request => {
    const { 'content-type': type, 'content-encoding': encoding = 'identity' } = request.headers
    if (!['POST', 'PUT'].includes(request.method) || request.is404 || type === undefined) return
    if (encoding.toLowerCase() !== 'identity') throw compressedBody()
    const takesPictures = request.routeOptions.schema?.consumes !== undefined
    if (PICTURES.test(type) !== takesPictures) throw unknownType()
  })
}
