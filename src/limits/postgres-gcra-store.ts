import type { Session } from '../db/connection.js'
import { BURST_MS, FORGET_MS, type GcraStore, type Reservation } from './gcra-store.js'

const MICROSECONDS = 1000

const RESERVE = 'select opened_us, first_in_us, paused_us from reserve_host_slots($1, $2, $3, $4, $5)'
const IS_STILL_VALID = 'select host_slots_hold($1, $2) as holds'
const PAUSE = 'select pause_host($1, $2)'

interface Reserved {
  opened_us: number
  first_in_us: number
  paused_us: number
}

/** GCRA state in an unlogged table, changed by SQL functions. */
export class PostgresGcraStore implements GcraStore {
  readonly #session: Session

  /** @param session stays open: its opener closes it */
  constructor(session: Session) {
    this.#session = session
  }

  async reserve(host: string, count: number, intervalMs: number): Promise<Reservation> {
    const values = [host, count, intervalMs * MICROSECONDS, BURST_MS * MICROSECONDS, FORGET_MS * MICROSECONDS]
    const [row] = await this.#session.query<Reserved>(RESERVE, values)
    return {
      epoch: row!.opened_us,
      firstInMs: row!.first_in_us / MICROSECONDS,
      pausedMs: row!.paused_us / MICROSECONDS,
    }
  }

  async isStillValid(host: string, epoch: number): Promise<boolean> {
    const [row] = await this.#session.query<{ holds: boolean }>(IS_STILL_VALID, [host, epoch])
    return row!.holds
  }

  async pause(host: string, ms: number): Promise<void> {
    await this.#session.query(PAUSE, [host, ms * MICROSECONDS])
  }

  async close(): Promise<void> {
    // The opener of the session closes it.
  }
}
