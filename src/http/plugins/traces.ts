import { beginSpan } from '../../domain/tracing/spans.js'
import type { HttpApp } from '../http-app.js'

/**
 * A span for each request, around all that answers it. It has the id of the request, and continues the trace of a client
 * that names one (`traceparent`). Register it first.
 */
export function addTraces(app: HttpApp): void {
  app.decorateRequest('span', null)
  app.addHook('onRequest', (request, reply, done) => {
    const { method, headers, routeOptions, id } = request
    const { url: route, config } = routeOptions
    // Probes, and streams that last as long as their clients like.
    const span = config.light
      ? null
      : beginSpan(route === undefined ? method : `${method} ${route}`, {
          kind: 'server',
          headers,
          attributes: {
            'http.request.method': method,
            'unsplash_clip.request': id,
            ...(route === undefined ? {} : { 'http.route': route }),
          },
        })
    if (span === null) {
      done()
      return
    }
    request.span = span
    reply.raw.once('close', () => {
      span.set({ 'http.response.status_code': reply.statusCode })
      span.end(reply.statusCode >= 500 ? { name: String(reply.statusCode) } : undefined)
    })
    span.within(done)
  })
  // A body arrives in events of its connection, outside of the span.
  app.addHook('preValidation', ({ span }, _, done) => {
    if (span) span.within(done)
    else done()
  })
}
