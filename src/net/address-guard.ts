import { lookup as dnsLookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { AppError, PhotoError } from '../domain/errors.js'

export interface ResolvedAddress {
  address: string
  family: number
}

/** Returns every address of a host name. Rejects like `dns.lookup`, for example with ENOTFOUND. */
export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>

const lookups = new Map<string, Promise<ResolvedAddress[]>>()

/**
 * The system's resolver, including the hosts file. Concurrent questions for one name are one: a lookup that hangs occupies
 * one of libuv's threads.
 */
export const systemResolve: Resolve = hostname => {
  let lookup = lookups.get(hostname)
  if (lookup === undefined) {
    lookup = dnsLookup(hostname, { all: true, verbatim: true }).finally(() => lookups.delete(hostname))
    lookups.set(hostname, lookup)
  }
  return lookup
}

/** IANA's allocated global unicast range. All other addresses are special. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3')
/** NAT64 (RFC 6052): the last 32 bits are the IPv4 address of the target. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Returns whether an address belongs to the public internet. An embedded IPv4 address counts if packets reach it
 * (`::ffff:a.b.c.d`, NAT64). Addresses whose target depends on the network are refused (6to4, Teredo), and so is any
 * text that is no address.
 */
export function isPublicAddress(ip: string): boolean {
  const text = ip.replace(/%.*$/, '')
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.process(text)
  if (address.kind() === 'ipv4') return address.range() === 'unicast'
  const v6 = address as ipaddr.IPv6
  if (v6.match(NAT64)) return isPublicAddress(v6.toByteArray().slice(12).join('.'))
  return v6.match(GLOBAL_UNICAST_V6) && v6.range() === 'unicast'
}

/**
 * Returns the address if a URL's host is a literal one, else null. `URL` has already normalised 0x7f.1 or 2130706433.
 */
export function literalAddress(hostname: string): string | null {
  const text = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return ipaddr.isValid(text) ? text : null
}

/** Hosts to allow with any address: `HOST` (any port) or `HOST:PORT`, compared exactly. */
export class AllowList {
  readonly #entries: Set<string>

  /** @throws AppError CONFIG_INVALID for an entry that is neither HOST nor HOST:PORT */
  constructor(entries: readonly string[]) {
    this.#entries = new Set(entries.map(normalisedEntry))
  }

  has(url: URL): boolean {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80')
    return this.#entries.has(url.hostname) || this.#entries.has(`${url.hostname}:${port}`)
  }
}

function normalisedEntry(entry: string): string {
  const [, host, port] = /^(\[[^\]]*\]|[^:/@?#\s]+)(?::(\d{1,5}))?$/.exec(entry.trim()) ?? []
  if (host === undefined || !URL.canParse(`http://${host}`) || Number(port ?? 1) > 65_535)
    throw new AppError(
      'CONFIG_INVALID',
      `--allow-host (ALLOW_HOSTS): expected HOST or HOST:PORT, found ${JSON.stringify(entry)}; for example 127.0.0.1:8080`,
    )
  const { hostname } = new URL(`http://${host}`)
  return port === undefined ? hostname : `${hostname}:${Number(port)}`
}

/**
 * Returns a `lookup` for sockets that resolves a name once, refuses it when any of its addresses is not public, and
 * returns exactly the checked addresses, so that a second DNS answer cannot replace them.
 */
export function guardedLookup(resolve: Resolve, isPublic: (ip: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname)
      .then(addresses => {
        const forbidden = addresses.find(({ address }) => !isPublic(address))
        if (forbidden) throw forbiddenHost(hostname, forbidden.address)
        return addresses
      })
      .then(
        addresses => answer(addresses, options, callback),
        error => callback(error, []),
      )
  }
}

/** Returns a `lookup` for allowed hosts: the same resolver, without the check. */
export function openLookup(resolve: Resolve): LookupFunction {
  return guardedLookup(resolve, () => true)
}

function answer(
  addresses: ResolvedAddress[],
  options: Parameters<LookupFunction>[1],
  callback: Parameters<LookupFunction>[2],
): void {
  const first = addresses[0]
  if (first === undefined) callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), [])
  else if (options.all) callback(null, addresses)
  else callback(null, first.address, first.family)
}

export function forbiddenHost(hostname: string, address: string): PhotoError {
  const where = literalAddress(hostname) === null ? `${hostname} is at ${address}` : address
  return new PhotoError('HOST_FORBIDDEN', `${where}, which is not a public address`)
}
