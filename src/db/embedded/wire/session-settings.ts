import type { Engine } from './engine.js'

/** `role` is not among those of pg_settings, and `reset all` leaves it. */
const SAVE = `
  select 'role', current_setting('role') where current_setting('role') <> 'none';
  reset role;
  select name, setting from pg_settings where source = 'session';
  reset all`

/**
 * Gives each client its own settings in the one session: before another client's statement, those of the last one are
 * saved and reset; they come back before its own next statement. Costs nothing for clients that set nothing.
 */
export class SessionSettings {
  readonly #saved = new WeakMap<object, (string | null)[][]>()
  /** Whose settings the session has; null: the server's. */
  #inEffect: object | null = null

  constructor(private readonly engine: Engine) {}

  /** A client's statement may have changed a setting. */
  changedBy(client: object): void {
    this.#inEffect = client
  }

  /** Call before a client's statement, outside of transactions. Only for the owner of the turn. */
  async switchTo(client: object): Promise<void> {
    if (this.#inEffect === client) return
    if (this.#inEffect !== null) {
      const rows = await this.engine.query(SAVE)
      if (rows.length > 0) this.#saved.set(this.#inEffect, rows)
      this.#inEffect = null
    }
    const own = this.#saved.get(client)
    if (own === undefined) return
    this.#saved.delete(client)
    this.#inEffect = client
    const calls = own.map(([name, value]) => `set_config(${quoted(name!)}, ${quoted(value ?? '')}, false)`)
    // A role may not be allowed to set the others.
    await this.engine.query(`select ${calls.reverse().join(', ')}`)
  }

  /** Returns to the server's settings. Only for the owner of the turn. */
  async forget(client: object): Promise<void> {
    this.#saved.delete(client)
    if (this.#inEffect !== client) return
    this.#inEffect = null
    await this.engine.query('reset role; reset all')
  }
}

const quoted = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
