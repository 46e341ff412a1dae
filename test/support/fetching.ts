import type { RequestListener } from 'node:http'
import { afterEach } from 'vitest'
import { type FetchOptions, GuardedFetcher } from '../../src/net/fetch.js'
import { startHttp, type TestServer } from './servers/http-server.js'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

/** A server that is closed after the test. */
export async function serve(listener: RequestListener, address?: string, port?: number): Promise<TestServer> {
  const server = await startHttp(listener, address, port)
  opened.push(server)
  return server
}

/** A fetcher that may reach the loopback address, closed after the test. */
export function fetcher(options: Partial<FetchOptions> = {}): GuardedFetcher {
  const created = new GuardedFetcher({
    timeoutMs: 5000,
    maxBytes: 1024 * 1024,
    maxRedirects: 3,
    concurrency: 16,
    hostConcurrency: 8,
    allowHosts: ['127.0.0.1'],
    userAgent: 'unsplash-clip/1.2.3 (+https://example.org)',
    ...options,
  })
  opened.push(created)
  return created
}

export const ok: RequestListener = (_request, response) => response.end('fine')
