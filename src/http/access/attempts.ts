import ipaddr from 'ipaddr.js'
import { MINUTE } from '../../domain/units.js'

/** Addresses that are remembered. */
const MAX_ADDRESSES = 10_000

/** Counts the failed attempts of each address within a minute, in constant memory. */
export class FailedAttempts {
  /** By the time of the first attempt, the oldest first. */
  readonly #counts = new Map<string, { count: number; since: number }>()

  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Counts an attempt before it is known to fail. @returns null, or how long the address has to wait, in seconds */
  begin(address: string): number | null {
    const name = subnetOf(address)
    let seen = this.#counts.get(name)
    if (seen && this.now() - seen.since >= MINUTE) {
      this.#counts.delete(name)
      seen = undefined
    }
    if (seen && seen.count >= this.perMinute) return Math.ceil((seen.since + MINUTE - this.now()) / 1000)
    if (seen) seen.count++
    else this.#add(name)
    return null
  }

  /** The attempt succeeded. */
  undo(address: string): void {
    const seen = this.#counts.get(subnetOf(address))
    if (seen && seen.count > 0) seen.count--
  }

  #add(name: string): void {
    if (this.#counts.size >= MAX_ADDRESSES) this.#counts.delete(this.#counts.keys().next().value!)
    this.#counts.set(name, { count: 1, since: this.now() })
  }
}

/** A host has all addresses of its /64, so they count as one. */
export function subnetOf(address: string): string {
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toNormalizedString().split(':').slice(0, 4).join(':')
}
