import type { IncomingHttpHeaders } from 'node:http'
import { Agent, type Dispatcher, request } from 'undici'
import { PhotoError } from '../domain/errors.js'
import type { RateLimiter } from '../domain/ports/rate-limiter.js'
import {
  AllowList,
  forbiddenHost,
  guardedLookup,
  isPublicAddress,
  literalAddress,
  openLookup,
  type Resolve,
  systemResolve,
} from './address-guard.js'
import { readBody } from './body.js'
import { Deadline } from './deadline.js'
import { transportFailure } from './failure.js'
import { Hosts } from './hosts.js'
import { retryAfterMs } from './retry-after.js'

export interface FetchOptions {
  /** Deadline of a whole request, in ms: names, connections, redirects and body. Waiting for its turn does not count. */
  timeoutMs: number
  /** Largest body, in bytes. */
  maxBytes: number
  maxRedirects: number
  /** Requests under way at once. */
  concurrency: number
  /** Requests to one host under way at once. */
  hostConcurrency: number
  /** `HOST` or `HOST:PORT` that may be reached although its address is not public. */
  allowHosts: readonly string[]
  userAgent: string
  /** How often all fetchers together ask one host. Default: as often as the others of these limits let them. */
  rateLimiter?: RateLimiter
  /** How names become addresses. Default: the system's resolver. */
  resolve?: Resolve
  /** Which addresses may be reached without being allowed. Default: those of the public internet. */
  isPublic?: (ip: string) => boolean
}

export interface AnswerHead {
  contentType: string | null
  /** After redirects. */
  finalUrl: string
  headers: IncomingHttpHeaders
}

export interface Answer extends AnswerHead {
  /** Without any Content-Encoding, never empty. */
  body: Buffer
}

export interface GetOptions {
  accept?: string
  signal?: AbortSignal
  /** Called before the body is read; the PhotoError it throws ends the request. */
  onHead?: (head: AnswerHead) => void
  /** Called for every redirect that is to be followed, and for the answer in the end; what it throws ends the request, too. */
  onHop?: (headers: IncomingHttpHeaders) => void
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** A refused answer this small, and this quick, is read to its end, so that its connection can be used again. */
const DRAIN_BYTES = 16 * 1024
const DRAIN_MS = 250

/**
 * Fetches from servers that nobody vouches for. Only http and https; no private, loopback or link-local address, neither
 * given, nor resolved, nor redirected to, unless its host is allowed; one deadline, one byte cap, so many redirects. A
 * host that answers 429 or 503 with Retry-After is left alone by all requests until then, with a rate limiter by those of
 * all processes. Every redirect takes a turn of the host it leads to.
 */
export class GuardedFetcher {
  readonly #options: FetchOptions
  readonly #allowed: AllowList
  readonly #isPublic: (ip: string) => boolean
  readonly #hosts: Hosts
  readonly #guarded: Agent
  readonly #open: Agent

  /** @throws AppError CONFIG_INVALID for an entry of allowHosts that is neither HOST nor HOST:PORT */
  constructor(options: FetchOptions) {
    const { resolve = systemResolve, isPublic = isPublicAddress, timeoutMs } = options
    this.#options = options
    this.#allowed = new AllowList(options.allowHosts)
    this.#isPublic = isPublic
    this.#hosts = new Hosts(options)
    // The deadline is the only clock; undici's own would end a slow but living transfer in another way.
    const clocks = { headersTimeout: 0, bodyTimeout: 0 }
    const connect = { timeout: timeoutMs }
    this.#guarded = new Agent({ ...clocks, connect: { ...connect, lookup: guardedLookup(resolve, isPublic) } })
    this.#open = new Agent({ ...clocks, connect: { ...connect, lookup: openLookup(resolve) } })
  }

  /**
   * @throws PhotoError with the code of what went wrong, HTTP_nnn for a status that is neither 2xx nor a redirect; the
   * signal's reason when that is aborted first
   */
  async get(url: string, options: GetOptions = {}): Promise<Answer> {
    const deadline = new Deadline(this.#options.timeoutMs, options.signal)
    try {
      let target = this.#target(url, 'INVALID_URL')
      for (let redirects = 0; ; redirects++) {
        if (redirects > 0) this.#refuseIfPaused(target, deadline)
        const outcome = await this.#hop(target, deadline, options)
        if ('body' in outcome) return outcome
        if (redirects === this.#options.maxRedirects)
          throw new PhotoError('TOO_MANY_REDIRECTS', `${target.host}: redirected more than ${redirects} times`)
        target = this.#target(outcome.location, 'BAD_REDIRECT')
      }
    } finally {
      deadline.clear()
    }
  }

  /** Ends what is under way and closes every connection. */
  async close(): Promise<void> {
    await Promise.all([this.#guarded.destroy(), this.#open.destroy()])
  }

  /** The URL, if it may be asked at all. Names are judged when they are resolved. */
  #target(text: string, code: 'INVALID_URL' | 'BAD_REDIRECT'): URL {
    if (!URL.canParse(text)) throw new PhotoError(code, 'not a URL')
    const url = new URL(text)
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new PhotoError(code, `http or https expected, found ${url.protocol}`)
    if (url.username !== '' || url.password !== '')
      throw new PhotoError(code, `${url.host}: a URL with a user name or password is not followed`)
    const literal = literalAddress(url.hostname)
    if (literal !== null && !this.#allowed.has(url) && !this.#isPublic(literal))
      throw forbiddenHost(url.hostname, literal)
    return url
  }

  /** One request, from its turn to the end of its body. */
  async #hop(url: URL, deadline: Deadline, options: GetOptions): Promise<Answer | { location: string }> {
    const { timeoutMs } = this.#options
    deadline.stop()
    const leave = await this.#hosts.enter(url.host, deadline.signal)
    try {
      deadline.start(() => new PhotoError('TIMEOUT', `${url.host}: not done after ${timeoutMs} ms`))
      return await this.#ask(url, deadline.signal, options)
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : transportFailure(error, { host: url.host })
    } finally {
      leave()
    }
  }

  async #ask(url: URL, signal: AbortSignal, options: GetOptions): Promise<Answer | { location: string }> {
    const response = await request(url, {
      dispatcher: this.#allowed.has(url) ? this.#open : this.#guarded,
      signal,
      headers: {
        accept: options.accept ?? '*/*',
        'accept-encoding': 'identity',
        'user-agent': this.#options.userAgent,
      },
    })
    const { statusCode, headers, body } = response
    // Whoever stops reading destroys the stream; its error event then has nobody else to go to.
    body.on('error', () => {})
    if (statusCode >= 200 && statusCode < 300) return this.#read(url, response, options)
    await drain(body, headers)
    if (REDIRECTS.has(statusCode)) {
      options.onHop?.(headers)
      return { location: locationOf(url, single(headers.location)) }
    }
    throw this.#refusal(url, statusCode, single(headers['retry-after']))
  }

  async #read(url: URL, { headers, body }: Dispatcher.ResponseData, options: GetOptions): Promise<Answer> {
    const host = url.host
    const contentLength = numberOrUndefined(single(headers['content-length']))
    try {
      options.onHop?.(headers)
      const head = { contentType: single(headers['content-type']) ?? null, finalUrl: url.href, headers }
      options.onHead?.(head)
      const contentEncoding = single(headers['content-encoding'])
      const limits = { maxBytes: this.#options.maxBytes, host, contentLength, contentEncoding }
      return { ...head, body: await readBody(body, limits) }
    } catch (error) {
      body.destroy()
      throw transportFailure(error, { host, contentLength })
    }
  }

  #refusal(url: URL, status: number, retryAfter: string | undefined): PhotoError {
    const waitMs = status === 429 || status === 503 ? retryAfterMs(retryAfter, Date.now()) : undefined
    if (waitMs !== undefined) this.#hosts.pause(url.host, waitMs, status)
    return new PhotoError(`HTTP_${status}`, `${url.host}: answered ${status}`, { retryAfterMs: waitMs })
  }

  /** A redirected request has had its wait: one more that is longer than what is left of its time is left to a retry. */
  #refuseIfPaused(url: URL, deadline: Deadline): void {
    const pause = this.#hosts.pausedFor(url.host)
    if (pause !== null && pause.ms >= deadline.remainingMs)
      throw new PhotoError(`HTTP_${pause.status}`, `${url.host}: asked to be left alone`, { retryAfterMs: pause.ms })
  }
}

/** Best effort: what the status says has been decided by now. */
async function drain(body: Dispatcher.ResponseData['body'], headers: IncomingHttpHeaders): Promise<void> {
  const length = numberOrUndefined(single(headers['content-length'])) ?? 0
  if (length > DRAIN_BYTES) body.destroy()
  else await body.dump({ limit: DRAIN_BYTES, signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => {})
}

function locationOf(from: URL, location: string | undefined): string {
  if (location === undefined || !URL.canParse(location, from.href))
    throw new PhotoError('BAD_REDIRECT', `${from.host}: redirected without a usable Location`)
  return new URL(location, from).href
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

function numberOrUndefined(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined
}
