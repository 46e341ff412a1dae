import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { expect, test } from 'vitest'
import type { HttpParts } from '../../src/http/parts.js'
import { buildHttpApp } from '../../src/http/server.js'
import { ApiReader } from '../../src/mcp/api-reader.js'
import { ToolServer } from '../../src/mcp/tool-server.js'
import { bareParts } from '../http/bare-parts.js'
import { LIMITS } from '../http/support.js'
import { deferred } from '../support/deferred.js'

test('a call that the client cancels stops its work, and others go on', async () => {
  const begun = deferred<void>()
  const ended = deferred<unknown>()
  const search = {
    model: async () => ({ key: 'demo@fp32' }),
    counts: {
      facets: (_: unknown, { names }: { names?: string[] }, signal: AbortSignal) => {
        if (names?.[0] === 'country') return Promise.resolve([])
        begun.resolve()
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            ended.resolve(signal.reason)
            reject(signal.reason)
          })
        })
      },
    },
  } as unknown as HttpParts['search']
  const options = { host: '127.0.0.1', port: 0, names: [], anonymous: 'ingest' as const, limits: LIMITS }
  const app = await buildHttpApp(bareParts({ search }), { ...options, withPage: false }, new AbortController().signal)
  const tools = new ToolServer(new ApiReader(app))
  const client = new Client({ name: 'test', version: '1' })
  try {
    const [near, far] = InMemoryTransport.createLinkedPair()
    await Promise.all([tools.server.connect(far), client.connect(near)])
    const cancel = new AbortController()
    const call = client.callTool({ name: 'facets', arguments: { by: ['year'] } }, undefined, { signal: cancel.signal })
    const refused = expect(call).rejects.toThrow('no longer wanted')
    await begun.promise
    cancel.abort('no longer wanted')
    await refused
    expect(await ended.promise).toMatchObject({ code: 'REQUEST_TIMEOUT' })
    await tools.settled()
    expect(await client.callTool({ name: 'facets', arguments: { by: ['country'] } })).toMatchObject({
      structuredContent: { facets: [] },
    })
  } finally {
    await client.close()
    await app.close()
  }
})
