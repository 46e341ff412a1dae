import type { Agent, Dispatcher } from 'undici'
import type { HubModelSpec, ModelFile } from './registry.js'
import { type ModelSource, type OpenedFile, SourceFailure } from './source.js'

export const DEFAULT_HUB = 'https://huggingface.co'

const SECOND = 1000
const CONNECT_TIMEOUT_MS = 15 * SECOND
/** Longest silence, before the answer as well as within its body. */
const IDLE_TIMEOUT_MS = 60 * SECOND
const MAX_REDIRECTS = 5
/** Statuses after which the same request may succeed. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504])

export interface HubTimeouts {
  connectTimeoutMs?: number
  idleTimeoutMs?: number
}

/** `{endpoint}/{repository}/resolve/{revision}/{path}`: the address of a file on a hub. */
export function hubUrl(endpoint: string, model: HubModelSpec, file: ModelFile): string {
  const { repository, revision } = file.from ?? model.origin
  return `${endpoint.replace(/\/+$/, '')}/${repository}/resolve/${revision}/${file.path}`
}

/**
 * Files from a Hugging Face hub or a mirror of it.
 *
 * A cut download goes on with a Range request. It needs no If-Range: a part belongs to a pinned digest, not to a state of
 * the server, and is checked against it in the end.
 * @param endpoint http(s)://host
 */
export class HubSource implements ModelSource {
  private readonly endpoint: string

  constructor(
    endpoint: string,
    private readonly timeouts: HubTimeouts = {},
  ) {
    // The address shows in messages, and nothing here would send credentials.
    this.endpoint = withoutCredentials(endpoint)
  }

  locate(model: HubModelSpec, file: ModelFile): string {
    return hubUrl(this.endpoint, model, file)
  }

  async open(model: HubModelSpec, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.timeouts
    // Most starts find every file in place and ask no hub.
    const { Agent } = await import('undici')
    const agent = new Agent({
      connect: { timeout: connectTimeoutMs },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    })
    try {
      const response = await follow(this.locate(model, file), offset, agent, signal)
      // What is left unread when the file is closed is nobody's error.
      response.body.on('error', () => undefined)
      return { ...extent(response), body: reading(response.body), close: () => agent.destroy() }
    } catch (error) {
      await agent.destroy()
      throw signal?.aborted ? signal.reason : describe(error)
    }
  }
}

/** `https://user:password@host` without what stands before the host. */
export function withoutCredentials(address: string): string {
  return address.replace(/\/\/[^/]*@/, '//')
}

/** Hubs answer with a redirect to the network that holds the bytes. */
async function follow(
  address: string,
  offset: number,
  dispatcher: Agent,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  const { request } = await import('undici')
  const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) }
  let url = new URL(address)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, { dispatcher, headers, signal })
    const { statusCode, body } = response
    if (statusCode === 200 || statusCode === 206) return response
    await body.dump()
    // The server's file ends before the offset: it shows from the start what it has.
    if (statusCode === 416 && offset > 0) return follow(address, 0, dispatcher, signal)
    if (statusCode < 300 || statusCode >= 400) throw refusal(statusCode, url)
    url = target(response.headers.location, url)
  }
  throw new SourceFailure('refused', `more than ${MAX_REDIRECTS} redirects`)
}

function target(location: string | string[] | undefined, from: URL): URL {
  const text = Array.isArray(location) ? location[0] : location
  const url = text !== undefined && URL.canParse(text, from.href) ? new URL(text, from) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new SourceFailure('refused', `a redirect without a usable location from ${from.host}`)
}

function refusal(status: number, url: URL): SourceFailure {
  const message = `${url.host} answered with status ${status}`
  if (status === 404 || status === 410) return new SourceFailure('missing', message)
  return new SourceFailure(PASSING_STATUS.has(status) ? 'interrupted' : 'refused', message)
}

/** Which bytes an answer holds. A 206 without a readable Content-Range is a broken server. */
function extent({ statusCode, headers }: Dispatcher.ResponseData): Pick<OpenedFile, 'start' | 'totalBytes'> {
  if (statusCode === 200) {
    const length = headers['content-length']
    return { start: 0, totalBytes: typeof length === 'string' ? Number(length) : undefined }
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range']))
  if (!range) throw new SourceFailure('refused', `status 206 with the Content-Range ${headers['content-range']}`)
  return { start: Number(range[1]), totalBytes: range[2] === '*' ? undefined : Number(range[2]) }
}

async function* reading(body: Dispatcher.ResponseData['body']): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw describe(error)
  }
}

/** System errors after which another try at once makes no sense: there is no network, or nobody listens. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown, or there is no network',
  EAI_AGAIN: 'the host name could not be looked up: is there a network?',
  ECONNREFUSED: 'the connection was refused',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'the host cannot be reached',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
}

const INTERRUPTED: Readonly<Record<string, string>> = {
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the server fell silent',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut',
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SourceFailure) return error
  const code = codeOf(error)
  const unreachable = UNREACHABLE[code]
  if (unreachable) return new SourceFailure('unreachable', `${unreachable} (${code})`, { cause: error })
  const interrupted = INTERRUPTED[code]
  if (interrupted) return new SourceFailure('interrupted', `${interrupted} (${code})`, { cause: error })
  return new SourceFailure('refused', error.message || code, { cause: error })
}

/** Connecting to a name with several addresses gives an AggregateError whose own code is that of the first. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error.cause
  return first instanceof Error ? codeOf(first) : ''
}
