import type { IncomingHttpHeaders } from 'node:http'
import type { LookupFunction } from 'node:net'
import { Agent, type Dispatcher, request } from 'undici'
import { type HostPausedError, PhotoError } from '../domain/errors.js'
import type { Validators } from '../domain/places/photo-version.js'
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
import { NetworkCheck, type NetworkSystem, suspectsNetwork, systemNetwork } from './network-check.js'
import { retryAfterMs } from './retry-after.js'
import { type Permit, permitOf } from './semaphore.js'
import { conditionsOf, contradicts, isSameVersion, validatorsOf } from './validators.js'

export interface FetchOptions {
  /** Deadline of a whole request, in ms: DNS, connections, redirects and body. Waiting for a turn does not count. */
  timeoutMs: number
  /** Largest body, in bytes. */
  maxBytes: number
  maxRedirects: number
  /** Concurrent requests. */
  concurrency: number
  /** Concurrent requests to one host. */
  hostConcurrency: number
  /** `HOST` or `HOST:PORT` to allow although its address is not public. */
  allowHosts: readonly string[]
  userAgent: string
  /** Request rate of all fetchers together to one host. Default: only the other limits apply. */
  rateLimiter?: RateLimiter
  /** Resolver of host names. Default: the system's resolver. */
  resolve?: Resolve
  /** What is asked whether there is a network. Default: this system. */
  network?: Omit<NetworkSystem, 'resolve'>
  /** Addresses that need no allow-list entry. Default: those of the public internet. */
  isPublic?: (ip: string) => boolean
}

export interface Answer {
  contentType: string | null
  /** After redirects. */
  finalUrl: string
  headers: IncomingHttpHeaders
  /** Decoded, never empty. */
  body: Buffer
}

/** The body is the known version and was not read. */
export interface NotModified {
  notModified: true
  headers: IncomingHttpHeaders
}

export interface GetOptions {
  accept?: string
  signal?: AbortSignal
  /** Held from the start of the last request on; the caller gives it back. Default: one of the fetcher's own. */
  permit?: Permit
  /** Called with the first 1,024 bytes or more of a body that is not encoded. An error from it ends the request. */
  onStart?: (start: Buffer) => void
  /** Called for every redirect to follow and for the final answer. An error from it ends the request. */
  onHop?: (headers: IncomingHttpHeaders) => void
}

/** Longest wait for a connection: a host that is not reached is told from one that does not answer. */
const MAX_CONNECT_MS = 10_000
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Longest host name of the DNS (RFC 1035). The rate limiter stores host names in an index. */
const MAX_HOST_LENGTH = 253
/** Statuses by which a host asks for fewer requests; 420, 430, 509 and 529 are those of single CDNs and services. */
const ASKS_FOR_LESS = new Set([420, 429, 430, 503, 509, 529])
/** Size limit for reading a refused answer to its end, so that its connection can be reused. */
const DRAIN_BYTES = 16 * 1024
const DRAIN_MS = 250

/**
 * Fetches from untrusted servers. Allows only http and https. Refuses private, loopback and link-local addresses,
 * whether given, resolved or reached by a redirect, unless the host is allowed. Limits time, bytes and redirects. A
 * host that responds with 429 or 503 and Retry-After gets no requests until then; with a rate limiter, from no process. A
 * request to a paused or silent host is refused at once, see {@link Hosts}.
 * Every redirect takes a turn of its target host.
 */
export class GuardedFetcher {
  readonly #options: FetchOptions
  readonly #allowed: AllowList
  readonly #isPublic: (ip: string) => boolean
  readonly #hosts: Hosts
  readonly #network: NetworkCheck
  readonly #guardedLookup: LookupFunction
  readonly #openLookup: LookupFunction
  readonly #guarded: Agent
  readonly #open: Agent

  /** @throws AppError CONFIG_INVALID for an entry of allowHosts that is neither HOST nor HOST:PORT */
  constructor(options: FetchOptions) {
    const { resolve = systemResolve, isPublic = isPublicAddress, timeoutMs } = options
    this.#options = options
    this.#allowed = new AllowList(options.allowHosts)
    this.#isPublic = isPublic
    this.#hosts = new Hosts(options)
    // The deadline is the only timeout; undici's would end slow transfers with other errors.
    const clocks = { headersTimeout: 0, bodyTimeout: 0 }
    const connect = { timeout: Math.min(MAX_CONNECT_MS, 0.8 * timeoutMs) }
    this.#network = new NetworkCheck({ resolve, ...(options.network ?? systemNetwork) })
    this.#guardedLookup = guardedLookup(resolve, isPublic)
    this.#openLookup = openLookup(resolve)
    this.#guarded = new Agent({ ...clocks, connect: { ...connect, lookup: this.#guardedLookup } })
    this.#open = new Agent({ ...clocks, connect: { ...connect, lookup: this.#openLookup } })
  }

  /**
   * Fetches a URL.
   * @throws PhotoError with the code of the failure, HTTP_nnn for a status that is neither 2xx nor a redirect;
   * HostPausedError, also for the target of a redirect; the signal's reason when that is aborted first
   */
  async get(url: string, options: GetOptions = {}): Promise<Answer> {
    return (await this.#get(url, options)) as Answer
  }

  /**
   * Fetches a URL unless its body is the known version. Asks with `If-None-Match` and `If-Modified-Since`. Of a server that
   * ignores them, the headers are compared and an equal body is not read. A server that refuses conditions, or says "not
   * modified" with other validators, is asked again without.
   * @throws as {@link get}
   */
  async getIfChanged(url: string, known: Validators, options: GetOptions = {}): Promise<Answer | NotModified> {
    const answer = await this.#get(url, options, known)
    return answer === 'ask plainly' ? this.get(url, options) : answer
  }

  async #get(url: string, options: GetOptions, known?: Validators): Promise<Answer | NotModified | 'ask plainly'> {
    const deadline = new Deadline(this.#options.timeoutMs, options.signal)
    const permit = options.permit ?? permitOf(this.#hosts.total)
    try {
      let target = this.#target(url, 'INVALID_URL')
      for (let redirects = 0; ; redirects++) {
        const outcome = await this.#hop(target, deadline, permit, options, known)
        if (outcome === 'ask plainly') permit.give()
        if (outcome === 'ask plainly' || !('location' in outcome)) return outcome
        permit.give()
        if (redirects === this.#options.maxRedirects)
          throw new PhotoError('TOO_MANY_REDIRECTS', `${target.host}: redirected more than ${redirects} times`)
        target = this.#target(outcome.location, 'BAD_REDIRECT')
      }
    } finally {
      if (options.permit === undefined) permit.give()
      deadline.clear()
    }
  }

  /** Returns what a request to this URL would be refused with now, because its host is paused; null: nothing. */
  pausedFor(url: string): HostPausedError | null {
    return URL.canParse(url) ? this.#hosts.pausedFor(new URL(url).host) : null
  }

  /** Returns what requests to the paused hosts would be refused with now. */
  pausedHosts(): HostPausedError[] {
    return this.#hosts.allPaused()
  }

  /** Rejects while there is no network at all, see {@link NetworkCheck}. */
  async checkNetwork(): Promise<void> {
    try {
      await this.#network.check()
    } catch (error) {
      // Their time-outs say nothing about the hosts.
      this.#hosts.forgetTimeouts()
      throw error
    }
  }

  /** Aborts all requests and closes every connection. */
  async close(): Promise<void> {
    await Promise.all([this.#guarded.destroy(), this.#open.destroy()])
  }

  /** Returns the URL if it is allowed. Host names are checked when they are resolved. */
  #target(text: string, code: 'INVALID_URL' | 'BAD_REDIRECT'): URL {
    if (!URL.canParse(text)) throw new PhotoError(code, 'expected a URL')
    const url = new URL(text)
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new PhotoError(code, `expected http or https, found ${url.protocol}`)
    if (url.username !== '' || url.password !== '')
      throw new PhotoError(code, `${url.host}: URLs with a user name or password are not supported`)
    if (url.hostname.length > MAX_HOST_LENGTH)
      throw new PhotoError(code, `expected a host name of at most ${MAX_HOST_LENGTH} characters, found a longer one`)
    const literal = literalAddress(url.hostname)
    if (literal !== null && !this.#allowed.has(url) && !this.#isPublic(literal))
      throw forbiddenHost(url.hostname, literal)
    return url
  }

  /** Runs one request, from its turn to the end of its body. */
  async #hop(
    url: URL,
    deadline: Deadline,
    permit: Permit,
    options: GetOptions,
    known?: Validators,
  ): Promise<Answer | NotModified | 'ask plainly' | { location: string }> {
    const { timeoutMs } = this.#options
    deadline.stop()
    const leave = await this.#hosts.enter(url.host, deadline.signal, permit)
    try {
      deadline.start(() => new PhotoError('TIMEOUT', `${url.host}: not complete after ${timeoutMs} ms`))
      const answer = await this.#ask(url, deadline.signal, options, known)
      this.#hosts.record(url.host, 'served')
      this.#network.answered(url, this.#lookupOf(url))
      return answer
    } catch (error) {
      const failure = deadline.signal.aborted ? deadline.signal.reason : transportFailure(error, { host: url.host })
      if (failure instanceof PhotoError) {
        if (suspectsNetwork(failure)) this.#network.failed(url)
        else if (failure.code.startsWith('HTTP_')) this.#network.answered(url, this.#lookupOf(url))
        this.#hosts.record(url.host, failure.code === 'TIMEOUT' ? 'timed out' : 'refused')
      }
      throw failure
    } finally {
      leave()
    }
  }

  #lookupOf(url: URL): LookupFunction {
    return this.#allowed.has(url) ? this.#openLookup : this.#guardedLookup
  }

  async #ask(
    url: URL,
    signal: AbortSignal,
    options: GetOptions,
    known?: Validators,
  ): Promise<Answer | NotModified | 'ask plainly' | { location: string }> {
    const conditions = known ? conditionsOf(known) : {}
    const isConditional = Object.keys(conditions).length > 0
    const response = await request(url, {
      dispatcher: this.#allowed.has(url) ? this.#open : this.#guarded,
      signal,
      headers: {
        accept: options.accept ?? '*/*',
        'accept-encoding': 'identity',
        'user-agent': this.#options.userAgent,
        ...conditions,
      },
    })
    const { statusCode, headers, body } = response
    // A reader that stops early destroys the stream; its error event then needs this listener.
    body.on('error', () => {})
    const isSame = known && statusCode === 200 && isSameVersion(known, validatorsOf(headers))
    if (statusCode >= 200 && statusCode < 300 && !isSame) return this.#read(url, response, options)
    await drain(body, headers)
    // The length of a "not modified" is that of nothing.
    const found = { ...validatorsOf(headers), length: null }
    const isRefused = statusCode === 412 || (statusCode === 304 && contradicts(known ?? found, found))
    if (isConditional && isRefused) return 'ask plainly'
    if (isSame || (isConditional && statusCode === 304)) {
      options.onHop?.(headers)
      return { notModified: true, headers }
    }
    if (REDIRECTS.has(statusCode)) {
      options.onHop?.(headers)
      return { location: locationOf(url, single(headers.location)) }
    }
    throw this.#refusal(url, statusCode, single(headers['retry-after']))
  }

  async #read(url: URL, { headers, body }: Dispatcher.ResponseData, options: GetOptions): Promise<Answer> {
    const host = url.host
    const contentLength = numberOrUndefined(single(headers['content-length']))
    let received = 0
    const onBytes = (bytes: number) => {
      received = bytes
    }
    try {
      options.onHop?.(headers)
      const head = { contentType: single(headers['content-type']) ?? null, finalUrl: url.href, headers }
      const contentEncoding = [headers['content-encoding'] ?? []].flat().join(',')
      const { onStart } = options
      const limits = { maxBytes: this.#options.maxBytes, host, contentLength, contentEncoding, onStart, onBytes }
      return { ...head, body: await readBody(body, limits) }
    } catch (error) {
      body.destroy()
      throw transportFailure(error, { host, contentLength, received })
    }
  }

  #refusal(url: URL, status: number, retryAfter: string | undefined): PhotoError {
    const waitMs = ASKS_FOR_LESS.has(status) ? retryAfterMs(retryAfter, Date.now()) : undefined
    if (waitMs !== undefined) this.#hosts.pause(url.host, waitMs)
    return new PhotoError(`HTTP_${status}`, `${url.host}: answered ${status}`, { retryAfterMs: waitMs })
  }
}

/** Reads the rest, best effort: the status already decides the result. */
async function drain(body: Dispatcher.ResponseData['body'], headers: IncomingHttpHeaders): Promise<void> {
  const length = numberOrUndefined(single(headers['content-length'])) ?? 0
  if (length > DRAIN_BYTES) body.destroy()
  else await body.dump({ limit: DRAIN_BYTES, signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => {})
}

/**
 * Returns the target of a redirect. As in browsers, bytes beyond ASCII are percent-encoded one by one, so that raw
 * UTF-8 or Latin-1 reaches the server as it was sent.
 * @param location with one UTF-16 unit per byte, as undici reads headers
 */
function locationOf(from: URL, location: string | undefined): string {
  const ascii = location?.replaceAll(/[\x80-\xff]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
  if (ascii === undefined || !URL.canParse(ascii, from.href))
    throw new PhotoError('BAD_REDIRECT', `${from.host}: the redirect has no usable Location`)
  return new URL(ascii, from).href
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

function numberOrUndefined(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined
}
