import { createServer } from 'node:http'
import { Gauge, Registry } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import { QueueMetrics } from '../../src/metrics/queue-metrics.js'
import { type MetricsServer, startMetricsServer } from '../../src/metrics/server.js'
import type { MetricSnapshot } from '../../src/workers/supervisor/metric-snapshot.js'
import { freePort } from '../support/servers/free-port.js'

describe('the metrics server', () => {
  let server: MetricsServer
  afterEach(() => server?.close())

  const start = async (snapshots: () => Promise<MetricSnapshot[]> = async () => [], port = 0) => {
    server = await startMetricsServer({
      host: '127.0.0.1',
      port,
      snapshots,
      live: async () => ({ ok: true, problems: {} }),
      ready: async () => ({ ok: false, problems: { queue: 'away' } }),
    })
    return server
  }
  const get = (path: string, init?: RequestInit) => fetch(`${server.url}${path}`, init)

  test('answers probes with 200, or 503 and the reason', async () => {
    await start()
    const live = await get('/healthz')
    expect([live.status, await live.json()]).toEqual([200, { ok: true, problems: {} }])
    const ready = await get('/readyz?verbose')
    expect([ready.status, await ready.json()]).toEqual([503, { ok: false, problems: { queue: 'away' } }])
  })

  test('shows metrics as Prometheus reads them, labels escaped', async () => {
    const registry = new Registry()
    new Gauge({ name: 'g', help: 'a gauge', labelNames: ['of'], registers: [registry] }).set({ of: 'a"b\n' }, 1.5)
    await start(async () => [(await registry.getMetricsAsJSON()) as MetricSnapshot])
    const answer = await get('/metrics')
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await answer.text()).toBe('# HELP g a gauge\n# TYPE g gauge\ng{of="a\\"b\\n"} 1.5\n')
  })

  test('knows nothing else, and takes nothing', async () => {
    await start()
    expect((await get('/')).status).toBe(404)
    expect((await get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405)
    const head = await get('/healthz', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('survives metrics that cannot be had', async () => {
    await start(async () => {
      throw new Error('no')
    })
    expect((await get('/metrics')).status).toBe(500)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('says that its port is taken', async () => {
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    await expect(start(undefined, port)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`METRICS_PORT: expected a free port`),
    })
    other.close()
  })
})

describe('metrics of the queue', () => {
  const counts = { waiting: 4, active: 1, delayed: 2, failed: 0 }

  test('are asked for when somebody looks, and then kept for a while', async () => {
    let questions = 0
    const metrics = new QueueMetrics('photos', async () => {
      questions++
      return counts
    })
    await metrics.snapshot()
    const [queue] = await metrics.snapshot()
    expect(questions).toBe(1)
    expect(queue?.values.map(({ labels, value }) => [labels, value])).toEqual(
      Object.entries(counts).map(([state, count]) => [{ queue: 'photos', state }, count]),
    )
  })

  test('are absent while the queue is away', async () => {
    const [queue] = await new QueueMetrics('photos', () => Promise.reject(new Error('away'))).snapshot()
    expect(queue?.values).toEqual([])
  })

  test('are absent while the queue hangs: the other metrics of a scrape come nevertheless', async () => {
    const [queue] = await new QueueMetrics('photos', () => new Promise(() => {}), 10).snapshot()
    expect(queue?.values).toEqual([])
  })
})
