import type { ProtocolGate } from './protocol-gate.js'

const MINUTE = 60 * 1000
/** Postgres's own rhythm: autovacuum_naptime, checkpoint_timeout. */
const VACUUM_EVERY_MS = MINUTE
const CHECKPOINT_EVERY_MS = 5 * MINUTE

/** Postgres's own thresholds (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor), from a larger least size. */
const NEGLECTED_TABLES = `
  select format('vacuum (analyze) %I.%I', schemaname, relname) from pg_stat_user_tables
   where n_dead_tup > 1000 + 0.2 * n_live_tup or n_mod_since_analyze > 1000 + 0.1 * n_live_tup`

/**
 * PGlite is a single process: it has neither autovacuum nor a checkpointer, so dead rows of the queue's tables and the
 * write-ahead log would grow for as long as the server runs. This does their work, between the statements of the clients.
 */
export class Maintenance {
  readonly #timers: NodeJS.Timeout[]

  constructor(
    private readonly gate: ProtocolGate,
    private readonly log: (line: string) => void,
  ) {
    this.#timers = [
      setInterval(() => void this.#logged(() => this.vacuum()), VACUUM_EVERY_MS),
      setInterval(() => void this.#logged(() => this.gate.queryBetween('checkpoint')), CHECKPOINT_EVERY_MS),
    ]
  }

  /** Vacuums and analyses the tables that changed much. @returns the statements it ran */
  async vacuum(): Promise<string[]> {
    const done: string[] = []
    for (const [statement] of (await this.gate.queryBetween(NEGLECTED_TABLES)) ?? [])
      if ((await this.gate.queryBetween(statement!)) !== null) done.push(statement!)
    return done
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #logged(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.log(`maintenance failed, it will be tried again: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
