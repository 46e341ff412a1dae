import { redact } from '../../domain/text/redact.js'
import type { HttpMetrics } from '../../metrics/http-metrics.js'
import type { HttpApp } from '../http-app.js'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])

/** Gives each answer the id of its request, writes a line per request into the log, and counts. */
export function addObservation(app: HttpApp, metrics: HttpMetrics): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    metrics.begun()
    reply.raw.once('close', () => {
      metrics.ended()
      const { method, url, ip } = request
      const { elapsedTime: ms, statusCode: status } = reply
      const route = request.routeOptions.url ?? 'none'
      metrics.answered(METHODS.has(method) ? method : 'other', route, status, ms / 1000)
      const isWhole = reply.raw.writableFinished
      const key = request.caller?.keyId ?? null
      request.log.info(
        {
          ...{ method, url: redact(url), ip, status, ms: Math.round(ms) },
          ...(key === null ? {} : { key }),
          ...(request.span ? { trace: request.span.traceId } : {}),
          ...(isWhole ? {} : { cut: true }),
        },
        'request',
      )
    })
  })
}
