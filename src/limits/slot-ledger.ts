const SECOND = 1000

/** So much of the rate may be asked at once after a lull: eight downloads that start together need not wait. */
export const BURST_MS = SECOND / 4

/** What is known of a host whose last slot is this long past is forgotten. */
export const FORGET_MS = 60 * SECOND

/** Moments at which a host may be asked, reserved one after the other. */
export interface Reservation {
  /** Ms from now to the first of them; negative when it has passed already. The others follow one interval apart. */
  firstInMs: number
  /** Since when the server has known this host. A server that lost what it knew gives another number. */
  openedAt: number
}

/**
 * Who may ask which host when, kept where all workers see it: for each host the moment of its next free slot (the generic
 * cell rate algorithm, ITU-T I.371), in microseconds of the server's clock. Each method is one round trip and atomic, and
 * rejects when the server is away.
 */
export interface SlotLedger {
  /** Takes the next `count` slots of a host. */
  reserve(host: string, count: number, intervalMs: number): Promise<Reservation>
  /** Whether slots of that reservation may be used now: the host is not paused, and the server still knows of them. */
  holds(host: string, openedAt: number): Promise<boolean>
  /** No slot for so long. A pause never shortens another one. */
  pause(host: string, ms: number): Promise<void>
  close(): Promise<void>
}
