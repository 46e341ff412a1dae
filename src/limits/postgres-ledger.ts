import type { Session } from '../db/connection.js'
import { BURST_MS, FORGET_MS, type Reservation, type SlotLedger } from './slot-ledger.js'

const MICROSECONDS = 1000

const RESERVE = 'select opened_us, first_in_us from reserve_host_slots($1, $2, $3, $4, $5)'
const HOLDS = 'select host_slots_hold($1, $2) as holds'
const PAUSE = 'select pause_host($1, $2)'

/** In a table that is not logged; the functions are those of migration 0006. */
export class PostgresSlotLedger implements SlotLedger {
  readonly #session: Session

  /** @param session stays open: whoever opened it closes it */
  constructor(session: Session) {
    this.#session = session
  }

  async reserve(host: string, count: number, intervalMs: number): Promise<Reservation> {
    const values = [host, count, intervalMs * MICROSECONDS, BURST_MS * MICROSECONDS, FORGET_MS * MICROSECONDS]
    const [row] = await this.#session.query<{ opened_us: number; first_in_us: number }>(RESERVE, values)
    return { openedAt: row!.opened_us, firstInMs: row!.first_in_us / MICROSECONDS }
  }

  async holds(host: string, openedAt: number): Promise<boolean> {
    const [row] = await this.#session.query<{ holds: boolean }>(HOLDS, [host, openedAt])
    return row!.holds
  }

  async pause(host: string, ms: number): Promise<void> {
    await this.#session.query(PAUSE, [host, ms * MICROSECONDS])
  }

  async close(): Promise<void> {
    // The session is somebody else's.
  }
}
