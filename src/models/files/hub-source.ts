import type { Agent, Dispatcher } from 'undici'
import { AppError } from '../../domain/errors.js'
import { withoutCredentials } from '../../domain/s3-location.js'
import { errorCode } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import { guardedLookup, isPublicAddress, literalAddress, systemResolve } from '../../net/address-guard.js'
import type { ModelFile } from '../catalog/entry.js'
import { type FetchedModel, type ModelSource, type OpenedFile, SourceError, sourcePath } from './source.js'

export const DEFAULT_HUB = 'https://huggingface.co'

const CONNECT_TIMEOUT_MS = 15 * SECOND
/** Longest silence, before the response and within its body. */
const IDLE_TIMEOUT_MS = 60 * SECOND
const MAX_REDIRECTS = 5
/** Statuses after which a retry may succeed. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504])

export interface HubOptions {
  /** Default: addresses of the public internet. */
  isPublic?: (ip: string) => boolean
  connectTimeoutMs?: number
  idleTimeoutMs?: number
  /** Access token for private and gated repositories. It is sent to the endpoint only, never after a redirect elsewhere. */
  token?: string
}

/** Returns the address of a file on a hub: `{endpoint}/{repository}/resolve/{revision}/{path}`. */
export function hubUrl(endpoint: string, { origin }: FetchedModel, file: ModelFile): string {
  const { repository, revision } = { ...origin, ...file.from }
  const path = sourcePath(file).split('/').map(encodeURIComponent).join('/')
  return `${endpoint.replace(/\/+$/, '')}/${repository}/resolve/${revision}/${path}`
}

/** An answer of a hub with its headers. */
export interface HubAnswer extends OpenedFile {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/**
 * Reads files from a Hugging Face hub or a mirror of it. An interrupted download resumes with a Range request. It needs
 * no If-Range: a partial file belongs to a pinned digest, not to a state of the server, and is checked against it at
 * the end.
 * Redirects of a hub on the public internet lead to public addresses only, and never from https to http.
 * @param endpoint http(s)://host
 */
export class HubSource implements ModelSource {
  readonly endpoint: string

  /** @throws AppError CONFIG_INVALID for a token that would leave this machine unencrypted */
  constructor(
    endpoint: string,
    private readonly options: HubOptions = {},
  ) {
    // Messages show the address, and no request sends its credentials.
    this.endpoint = withoutCredentials(endpoint).replace(/\/+$/, '')
    const { protocol, hostname, host } = new URL(this.endpoint)
    if (options.token !== undefined && protocol !== 'https:' && !isThisMachine(hostname))
      throw new AppError(
        'CONFIG_INVALID',
        `HF_ENDPOINT: expected an https address, because HF_TOKEN is set and would be readable on its way, found http and ${host}.`,
      )
  }

  locate(model: FetchedModel, file: ModelFile): string {
    return hubUrl(this.endpoint, model, file)
  }

  open(model: FetchedModel, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    return this.get(this.locate(model, file), offset, signal)
  }

  /**
   * Opens an address of the endpoint.
   * @throws SourceError, or the signal's reason
   */
  async get(address: string, offset: number, signal?: AbortSignal): Promise<HubAnswer> {
    const { connectTimeoutMs: timeout = CONNECT_TIMEOUT_MS, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.options
    const { isPublic = isPublicAddress } = this.options
    // Loaded late: most starts find every file in place and contact no hub.
    const { Agent } = await undici()
    const clocks = { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs }
    const agents = [
      new Agent({ ...clocks, connect: { timeout } }),
      new Agent({ ...clocks, connect: { timeout, lookup: guardedLookup(systemResolve, isPublic) } }),
    ] as const
    const close = async () => {
      await Promise.all(agents.map(agent => agent.destroy()))
    }
    try {
      const response = await this.#follow(new URL(address), offset, agents, signal)
      // Ignore errors of the unread rest of a closed response.
      response.body.on('error', () => undefined)
      return { ...extent(response), headers: response.headers, body: reading(response.body), close }
    } catch (error) {
      await close()
      throw signal?.aborted ? signal.reason : describe(error)
    }
  }

  /** Follows redirects: hubs redirect to their content network. */
  async #follow(
    first: URL,
    offset: number,
    [open, guarded]: readonly [Agent, Agent],
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const { request } = await undici()
    const plain = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) }
    const { token } = this.options
    let url = first
    let dispatcher = open
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const isOwn = url.origin === first.origin
      const headers = isOwn && token !== undefined ? { ...plain, authorization: `Bearer ${token}` } : plain
      const response = await request(url, { dispatcher, headers, signal })
      const { statusCode, body } = response
      if (statusCode === 200 || statusCode === 206) return response
      await body.dump()
      // The server's file ends before the offset: read it from the start.
      if (statusCode === 416 && offset > 0) return this.#follow(first, 0, [open, guarded], signal)
      if (statusCode < 300 || statusCode >= 400) throw refusal(statusCode, url, isOwn ? token !== undefined : undefined)
      const next = target(response.headers.location, url)
      if (next.hostname !== first.hostname && (await this.#isPublicHub(first))) {
        this.#expectPublic(next)
        dispatcher = guarded
      }
      url = next
    }
    throw new SourceError('refused', `expected at most ${MAX_REDIRECTS} redirects, found more`)
  }

  /** A mirror within a private network may send its readers to private addresses. */
  async #isPublicHub({ hostname }: URL): Promise<boolean> {
    const { isPublic = isPublicAddress } = this.options
    const literal = literalAddress(hostname)
    const addresses = literal === null ? (await systemResolve(hostname)).map(({ address }) => address) : [literal]
    return addresses.every(isPublic)
  }

  /** Names are checked when they are resolved. */
  #expectPublic({ hostname }: URL): void {
    const { isPublic = isPublicAddress } = this.options
    const literal = literalAddress(hostname)
    if (literal !== null && !isPublic(literal))
      throw new SourceError('refused', `a redirect to ${hostname}, which is not a public address`)
  }
}

/** A CommonJS package: the bundled programs find its parts in `default` only. */
async function undici() {
  return (await import('undici')).default
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function target(location: string | string[] | undefined, from: URL): URL {
  const text = Array.isArray(location) ? location[0] : location
  const url = text !== undefined && URL.canParse(text, from.href) ? new URL(text, from) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && from.protocol === 'http:')) return url
  throw new SourceError('refused', `a redirect without a usable location from ${from.host}`)
}

/** @param withToken of a request to the hub itself: whether it had a token */
function refusal(status: number, url: URL, withToken: boolean | undefined): SourceError {
  const message = `${url.host} answered with status ${status}`
  if (withToken !== undefined && (status === 401 || status === 403))
    return new SourceError('refused', `${message}: ${withToken ? REFUSED_TOKEN : NO_TOKEN}`)
  if (status === 404 || status === 410) return new SourceError('missing', message)
  return new SourceError(PASSING_STATUS.has(status) ? 'interrupted' : 'refused', message)
}

const NO_TOKEN =
  'the repository is private, gated or absent. Check its name; for a private or gated one set HF_TOKEN to a token that may read it'
const REFUSED_TOKEN =
  'the token in HF_TOKEN may not read the repository, or it is absent. A gated repository also wants its terms accepted on its page'

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
