import type { RequestListener } from 'node:http'
import { startWireServer, type WireAnswer } from '../servers/bad-answers.js'
import { startHttp, type TestServer } from '../servers/http-server.js'
import type { Expected } from './bad-case.js'
import { badCases } from './bad-cases.js'

export interface CorpusCase {
  /** Valid as the id of a photo. */
  id: string
  url: string
  /** What the first try comes to. */
  firstCode: Expected
  /** What it comes to once it has been tried as often as makes sense. */
  code: Expected
  description: string
}

export interface BadCorpus {
  cases: CorpusCase[]
  /** The servers of the corpus; addresses that must not be reached are not among them. */
  allowHosts: string[]
  /** Small, so that the whole corpus takes seconds. */
  limits: typeof LIMITS
  /** The same as environment variables. */
  settings: Record<string, string>
  /** Requests that got through to a server that must not be reached. Must stay 0. */
  forbiddenRequests(): number
  /** Connections that are open at the servers. */
  connections(): number
  close(): Promise<void>
}

/** Reserved (tcpmux), so that no server of the tests is ever given it. */
const deadPort = 1

const LIMITS = { timeoutMs: 2000, maxBytes: 1024 * 1024, maxRedirects: 3, maxPixels: 10_000_000 }

/**
 * Starts servers on the loopback address that give bad images, misbehave, or lead where they should not, and some that are
 * all right: each case says what has to come of it. Retries within one case are counted by its server, so a corpus serves
 * one run.
 */
export async function startBadCorpus(): Promise<BadCorpus> {
  let forbiddenRequests = 0
  const forbidden = await startHttp((_request, response) => {
    forbiddenRequests++
    response.writeHead(200, { 'content-type': 'image/jpeg' }).end('secret')
  })
  const definitions = await badCases({ forbiddenPort: forbidden.port, deadPort, maxBytes: LIMITS.maxBytes })

  const pages = new Map<string, RequestListener>()
  const wires = new Map<string, WireAnswer>()
  const common = await startHttp((request, response) => {
    const page = pages.get(request.url ?? '')
    if (page) page(request, response)
    else response.writeHead(404).end()
  })
  const onTheWire = await startWireServer(wires)
  const servers: TestServer[] = [common, onTheWire]
  const cases: CorpusCase[] = []
  for (const [id, expected, served, description] of definitions) {
    const [firstCode, code] = Array.isArray(expected) ? expected : [expected, expected]
    let url: string
    if ('http' in served) {
      pages.set(`/${id}`, served.http)
      url = `${common.origin}/${id}`
    } else if ('wire' in served) {
      wires.set(`/${id}`, served.wire)
      url = `${onTheWire.origin}/${id}`
    } else if ('ownServer' in served) {
      const own = await startHttp(served.ownServer)
      servers.push(own)
      url = `${own.origin}/${id}`
    } else url = served.url
    cases.push({ id, url, firstCode, code, description })
  }

  const allowHosts = [...servers.map(server => server.host), `127.0.0.1:${deadPort}`]
  return {
    cases,
    allowHosts,
    limits: LIMITS,
    settings: {
      ALLOW_HOSTS: allowHosts.join(','),
      DOWNLOAD_TIMEOUT_MS: String(LIMITS.timeoutMs),
      MAX_IMAGE_BYTES: String(LIMITS.maxBytes),
      MAX_REDIRECTS: String(LIMITS.maxRedirects),
      MAX_IMAGE_PIXELS: String(LIMITS.maxPixels),
    },
    forbiddenRequests: () => forbiddenRequests,
    connections: () => servers.reduce((sum, server) => sum + server.connections(), 0),
    close: async () => {
      for (const server of [...servers, forbidden]) await server.close()
    },
  }
}
