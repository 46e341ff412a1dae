import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { connect, type LookupFunction } from 'node:net'
import { PhotoError } from '../domain/errors.js'
import { errorCode } from '../domain/text/error-text.js'
import { SECOND } from '../domain/units.js'
import { literalAddress, type Resolve } from './address-guard.js'

/** Hosts remembered of each kind. */
const REMEMBERED = 3
const CONNECT_MS = 2 * SECOND
const NAME_SERVER_MS = 1.5 * SECOND
/** Documentation addresses (RFC 5737, RFC 3849): only the default route leads there, and nothing is sent. */
const ELSEWHERE = ['192.0.2.1', '2001:db8::1']

/** Failures of one host that a missing network causes as well. macOS says ENOTFOUND when it is offline. */
const SUSPECT = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENONET',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Whether there may be no network at all: the host was not even reached. */
export function suspectsNetwork(failure: PhotoError): boolean {
  return SUSPECT.has(errorCode(failure.cause))
}

/** What the name servers say of a name: `known` also for "no such name"; `refused`: an answer, but none of these. */
export type NameAnswer = 'known' | 'refused' | 'none'

/** The parts of the system that are asked. */
export interface NetworkSystem {
  resolve: Resolve
  askNameServers(hostname: string): Promise<NameAnswer>
  hasRoute(address: string): Promise<boolean>
  /** Whether anybody there answers, with a refusal too. */
  connects(url: URL, lookup: LookupFunction): Promise<boolean>
}

export const systemNetwork: Omit<NetworkSystem, 'resolve'> = { askNameServers, hasRoute, connects }

/**
 * Tells one dead host from no network. There is a network if
 * - one of the last hosts that served an image accepts a connection;
 * - or, unless two or more of these are silent: the name of a host that failed is known to the name servers or known not
 *   to exist, and there is a route to its address. A name server that answers something else, as a router without its
 *   line does, counts if there is a default route.
 */
export class NetworkCheck {
  readonly #served = new Map<string, { url: URL; lookup: LookupFunction }>()
  readonly #failed = new Map<string, URL>()

  constructor(private readonly system: NetworkSystem) {}

  /** Remembers a host that answered. */
  answered(url: URL, lookup: LookupFunction): void {
    remember(this.#served, url.host, { url, lookup })
    this.#failed.delete(url.hostname)
  }

  /** Remembers a host that was not reached. */
  failed(url: URL): void {
    remember(this.#failed, url.hostname, url)
  }

  /** Rejects, for people, while there is no network. */
  async check(): Promise<void> {
    const served = [...this.#served.values()]
    const connected = served.map(async ({ url, lookup }) => {
      if (!(await this.system.connects(url, lookup))) throw new Error(url.host)
    })
    if (await some(connected)) return
    if (served.length > 1)
      throw new Error(`no network: none of ${served.map(({ url }) => url.host).join(', ')} can be reached`)
    const failed = [...this.#failed.values(), ...served.map(({ url }) => url)]
    if (failed.length === 0) return
    const explained = failed.map(async ({ hostname }) => {
      if (!(await this.#isExplained(hostname))) throw new Error(hostname)
    })
    if (await some(explained)) return
    throw new Error(
      `no network: no route to ${failed.map(({ hostname }) => hostname).join(', ')}, or no name server answers`,
    )
  }

  /** Whether the failure of a host has another reason than the network. */
  async #isExplained(hostname: string): Promise<boolean> {
    const { system } = this
    const literal = literalAddress(hostname)
    if (literal !== null) return system.hasRoute(literal)
    const addresses = await system.resolve(hostname).catch(() => [])
    if (addresses.length > 0) return some(addresses.map(({ address }) => trueOrThrow(system.hasRoute(address))))
    const answer = await system.askNameServers(hostname)
    if (answer !== 'refused') return answer === 'known'
    return some(ELSEWHERE.map(address => trueOrThrow(system.hasRoute(address))))
  }
}

/** Keeps the most recent ones. */
function remember<T>(known: Map<string, T>, name: string, what: T): void {
  known.delete(name)
  known.set(name, what)
  if (known.size > REMEMBERED) known.delete(known.keys().next().value!)
}

/** Whether one of them resolves. */
async function some(promises: Promise<unknown>[]): Promise<boolean> {
  return Promise.any(promises).then(
    () => true,
    () => false,
  )
}

async function trueOrThrow(answer: Promise<boolean>): Promise<void> {
  if (!(await answer)) throw new Error('no')
}

/**
 * Asks the name servers themselves: the system's resolver says EAI_AGAIN for a broken domain and for no network. If they
 * do not answer for this name, its domain may be silent, so asks for the root's name servers, which each of them knows.
 */
async function askNameServers(hostname: string): Promise<NameAnswer> {
  const resolver = new Resolver({ timeout: NAME_SERVER_MS, tries: 1 })
  const answer = await meaning(resolver.resolve4(hostname))
  if (answer !== 'none') return answer
  return meaning(resolver.resolveNs('.'))
}

async function meaning(lookup: Promise<unknown>): Promise<NameAnswer> {
  try {
    await lookup
    return 'known'
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOTFOUND' || code === 'ENODATA') return 'known'
    return ['ESERVFAIL', 'EREFUSED', 'ENOTIMP', 'EFORMERR', 'EBADRESP'].includes(code) ? 'refused' : 'none'
  }
}

/** Asks the routing table: connecting a UDP socket sends nothing. */
function hasRoute(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    const end = (answer: boolean) => {
      socket.close()
      resolve(answer)
    }
    socket.once('error', () => end(false))
    socket.connect(9, address, () => end(true))
  })
}

function connects(url: URL, lookup: LookupFunction): Promise<boolean> {
  return new Promise(resolve => {
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, lookup, timeout: CONNECT_MS })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', error => end(!(error instanceof PhotoError) && !SUSPECT.has(errorCode(error))))
  })
}
