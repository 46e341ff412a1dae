import type { Batch } from './batch.js'
import { isCopyFromStdin } from './copy.js'
import { closeStatement, type Message, parseStatement, prefixStatement, statementName, textAt } from './messages.js'
import { FORGET_OWN, FORGETS, isRefused, NO_SESSION_TIMEOUTS } from './statement-rules.js'

/** Longer ones are not kept for a later Bind. */
const MAX_KEPT_PARSE_BYTES = 64 * 1024

/** The prepared statements of one client of the shared session. In the engine their names have a prefix. */
export class ClientStatements {
  readonly #names = new Set<string>()
  /** Of the named statements, those of COPY … FROM STDIN. */
  readonly #copyNames = new Set<string>()
  /** The last Parse of the unnamed statement, which other clients overwrite in the engine. */
  #unnamed: { parse: Buffer; mayCopy: boolean } | null = null

  constructor(private readonly prefix: string) {}

  get isEmpty(): boolean {
    return this.#names.size === 0
  }

  /**
   * Returns Parse, Bind, Describe or Close with the name that the engine knows.
   * @param batch learns what the statement may do
   */
  own(found: Message, batch: Batch): Buffer {
    const name = statementName(found)
    if (name === null) return found.bytes
    if (found.type === 'P') {
      const instead = this.#parse(found, name, batch)
      if (instead !== null) return parseStatement(name === '' ? '' : this.prefix + name, instead)
    } else if (name === '') {
      batch.usesUnnamed ||= !batch.parsesUnnamed
      batch.mayCopy ||= this.#unnamed?.mayCopy === true
    } else batch.mayCopy ||= this.#copyNames.has(name)
    if (found.type === 'C') this.#names.delete(name)
    return name === '' ? found.bytes : prefixStatement(found, this.prefix)
  }

  /** Notes a Parse. @returns the statement that takes the place of one that would affect other clients */
  #parse(found: Message, name: string, batch: Batch): string | null {
    const sql = textAt(found, Buffer.byteLength(name) + 1)
    batch.noteSql(sql)
    const mayCopy = isCopyFromStdin(sql)
    const instead = isRefused(sql) ? NO_SESSION_TIMEOUTS : FORGETS.test(sql) ? FORGET_OWN : null
    if (name === '') {
      batch.parsesUnnamed = true
      const keeps = found.bytes.length <= MAX_KEPT_PARSE_BYTES && instead === null
      this.#unnamed = keeps ? { parse: Buffer.from(found.bytes), mayCopy } : null
    } else {
      this.#names.add(name)
      if (mayCopy) this.#copyNames.add(name)
      else this.#copyNames.delete(name)
    }
    return instead
  }

  /** The message after which the unnamed statement of the engine is this client's. */
  restoreUnnamed(): Buffer {
    return this.#unnamed?.parse ?? closeStatement('')
  }

  /** The messages that close all named statements in the engine. */
  closeAll(): Buffer[] {
    return [...this.#names].map(name => closeStatement(this.prefix + name))
  }

  clear(): void {
    this.#names.clear()
    this.#copyNames.clear()
  }
}
