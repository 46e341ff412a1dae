import { SECOND } from '../domain/units.js'

/** Burst after an idle time: eight downloads that start together need not wait. */
export const BURST_MS = SECOND / 4

/** The store forgets a host this long after its last slot. */
export const FORGET_MS = 60 * SECOND

/** Consecutive slots of one host. */
export interface Reservation {
  /** Ms from now to the first slot; negative when it has passed. The others follow one interval apart. */
  firstInMs: number
  /** Moment since which the server has known this host. A server that lost its state returns another number. */
  epoch: number
  /** Rest of the host's pause, in ms; 0: it is not paused. During a pause nothing is reserved. */
  pausedMs: number
}

/**
 * State of the rate limiter, shared by all workers: the moment of each host's next free slot, in microseconds of the
 * server's clock (generic cell rate algorithm, GCRA, ITU-T I.371). Each method is atomic, takes one round trip, and
 * rejects while the server is away.
 */
export interface GcraStore {
  /** Reserves the next `count` slots of a host, unless it is paused. */
  reserve(host: string, count: number, intervalMs: number): Promise<Reservation>
  /** Whether slots reserved in that epoch are usable now: the host is not paused, and the server has not lost them. */
  isStillValid(host: string, epoch: number): Promise<boolean>
  /** Grants no slot for `ms`. A pause never shortens another one. */
  pause(host: string, ms: number): Promise<void>
  close(): Promise<void>
}
