import { errorMessage } from '../../domain/text/error-text.js'
import { MINUTE } from '../../domain/units.js'
import type { Engine } from './wire/engine.js'

/** Postgres's defaults: autovacuum_naptime, checkpoint_timeout. */
const VACUUM_EVERY_MS = MINUTE
const CHECKPOINT_EVERY_MS = 5 * MINUTE

/** Postgres's factors (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor) with a larger minimum size. */
const NEGLECTED_TABLES = `
  select format('vacuum (analyze) %I.%I', schemaname, relname) from pg_stat_user_tables
   where n_dead_tup > 1000 + 0.2 * n_live_tup or n_mod_since_analyze > 1000 + 0.1 * n_live_tup`

/**
 * Replaces autovacuum and the checkpointer. PGlite is a single process without them, so dead rows of the queue's tables
 * and the write-ahead log would grow while the server runs. Works between the statements of the clients.
 */
export class Maintenance {
  readonly #timers: NodeJS.Timeout[]

  constructor(
    private readonly engine: Engine,
    private readonly log: (line: string) => void,
  ) {
    this.#timers = [
      setInterval(() => void this.#logged(() => this.vacuum()), VACUUM_EVERY_MS),
      setInterval(() => void this.#logged(() => this.engine.queryBetween('checkpoint')), CHECKPOINT_EVERY_MS),
    ]
  }

  /** Vacuums and analyses tables with many changes. @returns the statements it ran */
  async vacuum(): Promise<string[]> {
    const done: string[] = []
    for (const [statement] of (await this.engine.queryBetween(NEGLECTED_TABLES)) ?? [])
      if ((await this.engine.queryBetween(statement!)) !== null) done.push(statement!)
    return done
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #logged(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.log(`maintenance failed and will be retried: ${errorMessage(error)}`)
    }
  }
}
