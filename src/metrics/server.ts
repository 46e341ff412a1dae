import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AggregatorRegistry } from 'prom-client'
import { AppError } from '../domain/errors.js'
import { errorMessage } from '../domain/text/error-text.js'
import { type MetricSnapshot, mergeSnapshots } from '../workers/supervisor/metric-snapshot.js'
import type { Health } from './health.js'

export interface MetricsServerOptions {
  host: string
  /** 0: any free port */
  port: number
  /** Snapshots of all reported processes. */
  snapshots: () => Promise<MetricSnapshot[]>
  live: () => Promise<Health>
  ready: () => Promise<Health>
}

export interface MetricsServer {
  /** `http://127.0.0.1:9464` */
  url: string
  close(): Promise<void>
}

interface Answer {
  status: number
  type: string
  body: string
}

/**
 * Serves /metrics for Prometheus, and /healthz and /readyz for orchestrators: 200, or 503 with the problems as JSON.
 * @throws AppError CONFIG_INVALID when listening on the address fails
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, options).then(
      ready => send(request, response, ready),
      error => send(request, response, json(500, { error: errorMessage(error) })),
    )
  })
  await listen(server, options)
  const { address, port, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      // Prometheus keeps its connection open between scrapes.
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, { snapshots, live, ready }: MetricsServerOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' })
  switch (new URL(request.url ?? '/', 'http://localhost').pathname) {
    case '/metrics':
      return exposition(mergeSnapshots(...(await snapshots())))
    case '/healthz':
      return verdict(await live())
    case '/readyz':
      return verdict(await ready())
    default:
      return json(404, { error: 'expected /metrics, /healthz or /readyz' })
  }
}

function verdict(health: Health): Answer {
  return json(health.ok ? 200 : 503, health)
}

async function exposition(snapshot: MetricSnapshot): Promise<Answer> {
  return { status: 200, ...(await exposed(snapshot)) }
}

/** A snapshot in the text format of Prometheus. */
export async function exposed(snapshot: MetricSnapshot): Promise<{ type: string; body: string }> {
  // The values are sums already, so this aggregation changes nothing.
  const registry = AggregatorRegistry.aggregate([snapshot.map(metric => ({ ...metric, aggregator: 'sum' as const }))])
  return { type: registry.contentType, body: await registry.metrics() }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' }
  response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : body)
}

async function listen(server: Server, { host, port }: MetricsServerOptions): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const found = code === 'EADDRINUSE' ? 'another process listens on it' : message
    throw new AppError(
      'CONFIG_INVALID',
      `METRICS_PORT: expected a free port at ${host}, found ${port}: ${found}. ` +
        'Choose another port, or 0 for none.',
      { cause },
    )
  }
}
