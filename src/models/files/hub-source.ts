import type { Agent, Dispatcher } from 'undici'
import { withoutCredentials } from '../../domain/s3-location.js'
import { errorCode } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import type { ModelFile } from '../catalog/entry.js'
import type { HubModelSpec } from '../catalog/registry.js'
import { type ModelSource, type OpenedFile, SourceError } from './source.js'

export const DEFAULT_HUB = 'https://huggingface.co'

const CONNECT_TIMEOUT_MS = 15 * SECOND
/** Longest silence, before the response and within its body. */
const IDLE_TIMEOUT_MS = 60 * SECOND
const MAX_REDIRECTS = 5
/** Statuses after which a retry may succeed. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504])

export interface HubTimeouts {
  connectTimeoutMs?: number
  idleTimeoutMs?: number
}

/** Returns the address of a file on a hub: `{endpoint}/{repository}/resolve/{revision}/{path}`. */
export function hubUrl(endpoint: string, model: HubModelSpec, file: ModelFile): string {
  const { repository, revision } = file.from ?? model.origin
  return `${endpoint.replace(/\/+$/, '')}/${repository}/resolve/${revision}/${file.path}`
}

/**
 * Reads files from a Hugging Face hub or a mirror of it. An interrupted download resumes with a Range request. It needs
 * no If-Range: a partial file belongs to a pinned digest, not to a state of the server, and is checked against it at
 * the end.
 * @param endpoint http(s)://host
 */
export class HubSource implements ModelSource {
  private readonly endpoint: string

  constructor(
    endpoint: string,
    private readonly timeouts: HubTimeouts = {},
  ) {
    // Messages show the address, and no request sends credentials.
    this.endpoint = withoutCredentials(endpoint)
  }

  locate(model: HubModelSpec, file: ModelFile): string {
    return hubUrl(this.endpoint, model, file)
  }

  async open(model: HubModelSpec, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.timeouts
    // Loaded late: most starts find every file in place and contact no hub.
    const agent = new (await undici()).Agent({
      connect: { timeout: connectTimeoutMs },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    })
    try {
      const response = await follow(this.locate(model, file), offset, agent, signal)
      // Ignore errors of the unread rest of a closed response.
      response.body.on('error', () => undefined)
      return { ...extent(response), body: reading(response.body), close: () => agent.destroy() }
    } catch (error) {
      await agent.destroy()
      throw signal?.aborted ? signal.reason : describe(error)
    }
  }
}

/** A CommonJS package: the bundled programs find its parts in `default` only. */
async function undici() {
  return (await import('undici')).default
}

/** Follows redirects: hubs redirect to their content network. */
async function follow(
  address: string,
  offset: number,
  dispatcher: Agent,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  const { request } = await undici()
  const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) }
  let url = new URL(address)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, { dispatcher, headers, signal })
    const { statusCode, body } = response
    if (statusCode === 200 || statusCode === 206) return response
    await body.dump()
    // The server's file ends before the offset: read it from the start.
    if (statusCode === 416 && offset > 0) return follow(address, 0, dispatcher, signal)
    if (statusCode < 300 || statusCode >= 400) throw refusal(statusCode, url)
    url = target(response.headers.location, url)
  }
  throw new SourceError('refused', `expected at most ${MAX_REDIRECTS} redirects, found more`)
}

function target(location: string | string[] | undefined, from: URL): URL {
  const text = Array.isArray(location) ? location[0] : location
  const url = text !== undefined && URL.canParse(text, from.href) ? new URL(text, from) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new SourceError('refused', `a redirect without a usable location from ${from.host}`)
}

function refusal(status: number, url: URL): SourceError {
  const message = `${url.host} answered with status ${status}`
  if (status === 404 || status === 410) return new SourceError('missing', message)
  return new SourceError(PASSING_STATUS.has(status) ? 'interrupted' : 'refused', message)
}

/** Returns which bytes a response contains. A 206 without a readable Content-Range means a broken server. */
function extent({ statusCode, headers }: Dispatcher.ResponseData): Pick<OpenedFile, 'start' | 'totalBytes'> {
  if (statusCode === 200) {
    const length = headers['content-length']
    return { start: 0, totalBytes: typeof length === 'string' ? Number(length) : undefined }
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range']))
  if (!range)
    throw new SourceError(
      'refused',
      `expected a byte range with status 206, found Content-Range ${headers['content-range']}`,
    )
  return { start: Number(range[1]), totalBytes: range[2] === '*' ? undefined : Number(range[2]) }
}

async function* reading(body: Dispatcher.ResponseData['body']): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw describe(error)
  }
}

/** System errors after which an immediate retry is useless: no network, or nobody listens. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown, or there is no network',
  EAI_AGAIN: 'the host name could not be resolved: is there a network?',
  ECONNREFUSED: 'the connection was refused',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'the host cannot be reached',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
}

const INTERRUPTED: Readonly<Record<string, string>> = {
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not respond in time',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was closed',
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SourceError) return error
  const code = errorCode(error) || errorCode(error.cause)
  const unreachable = UNREACHABLE[code]
  if (unreachable) return new SourceError('unreachable', `${unreachable} (${code})`, { cause: error })
  const interrupted = INTERRUPTED[code]
  if (interrupted) return new SourceError('interrupted', `${interrupted} (${code})`, { cause: error })
  return new SourceError('refused', error.message || code, { cause: error })
}
