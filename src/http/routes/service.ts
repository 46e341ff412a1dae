import { z } from 'zod'
import type { HttpMetrics } from '../../metrics/http-metrics.js'
import { exposed } from '../../metrics/server.js'
import { mergeSnapshots } from '../../workers/supervisor/metric-snapshot.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { PROBLEMS } from '../schemas/problem.js'

const Health = z
  .object({ ok: z.boolean(), problems: z.record(z.string(), z.string()).describe('Problems by dependency.') })
  .meta({ id: 'Health' })
const VERDICT = { 200: Health, 503: Health, '4xx': PROBLEMS['4xx'] }

/** For orchestrators and Prometheus. They are asked also while all other requests wait. */
export function addServiceRoutes(app: HttpApp, { live, ready, snapshots }: HttpParts, metrics: HttpMetrics): void {
  const config = { light: true, scope: 'open' } as const

  app.get(
    '/healthz',
    {
      config,
      schema: {
        operationId: 'healthz',
        summary: 'Liveness: 503 after a dependency has been gone for a minute',
        tags: ['service'],
        response: VERDICT,
      },
    },
    async (_, reply) => {
      const health = await live()
      return reply
        .header('cache-control', 'no-store')
        .code(health.ok ? 200 : 503)
        .send(health)
    },
  )

  app.get(
    '/readyz',
    {
      config,
      schema: {
        operationId: 'readyz',
        summary: 'Readiness: 503 as soon as a dependency does not respond',
        tags: ['service'],
        response: VERDICT,
      },
    },
    async (_, reply) => {
      const health = await ready()
      return reply
        .header('cache-control', 'no-store')
        .code(health.ok ? 200 : 503)
        .send(health)
    },
  )

  app.get(
    '/metrics',
    {
      config: { light: true, scope: 'read' },
      schema: {
        operationId: 'metrics',
        summary: 'Metrics in the text format of Prometheus',
        tags: ['service'],
        response: {
          200: { description: 'All metrics.', content: { 'text/plain': { schema: z.string() } } },
          ...PROBLEMS,
        },
      },
    },
    async (_, reply) => {
      const { type, body } = await exposed(mergeSnapshots(await metrics.snapshot(), ...(await snapshots())))
      return reply.header('cache-control', 'no-store').type(type).send(body)
    },
  )
}
