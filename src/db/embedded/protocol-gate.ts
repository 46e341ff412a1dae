import type { PGlite } from '@electric-sql/pglite'

type BackendMessage = Awaited<ReturnType<PGlite['execProtocolStream']>>[number]

/** First byte of a frontend message (PostgreSQL protocol 3.0, "Message Formats"). */
const CODE = (letter: string): number => letter.charCodeAt(0)
/** Parse, Bind, Describe, Execute, Close, Flush: they belong together until the Sync that ends them. */
const PIPELINED = new Set([...'PBDECH'].map(CODE))
const ENDS_PIPELINE = new Set([...'SQ'].map(CODE))
const SYNC = new Uint8Array([CODE('S'), 0, 0, 0, 4])

/**
 * Makes a PGlite safe to share between the clients of a pglite-socket server. Its queue hands out the one session message
 * by message, and keeps a client's messages together only while a transaction is open. A statement with parameters
 * is several messages, and where they do not arrive in one piece (64 KiB), another client's come in between: a client
 * then binds its values to the statement of another. So the gate claims a transaction also between the first of these
 * messages and the Sync that ends them.
 */
export class ProtocolGate {
  /** What the socket server gets in place of the database. */
  readonly shared: PGlite
  readonly #db: PGlite
  #inPipeline = false

  /** @param onFatal called when the engine itself breaks: pglite-socket's queue would wait for ever */
  constructor(db: PGlite, onFatal: (error: unknown) => void) {
    this.#db = db
    const overrides: Partial<PGlite> = {
      isInTransaction: () => this.#isTaken(),

      execProtocolRawStream: async (message, options) => {
        if (PIPELINED.has(message[0]!)) this.#inPipeline = true
        try {
          await db.execProtocolRawStream(message, options)
        } catch (error) {
          onFatal(error)
          throw error
        }
        if (ENDS_PIPELINE.has(message[0]!)) this.#inPipeline = false
      },

      // Called only to roll back what a client left behind when it went away.
      exec: async sql => {
        await db.runExclusive(async () => {
          if (this.#inPipeline) await this.#run(SYNC)
          this.#inPipeline = false
          await this.#run(queryMessage(sql))
        })
        return []
      },
    }
    this.shared = new Proxy(db, {
      get(target, name) {
        if (name in overrides) return Reflect.get(overrides, name)
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /**
   * Runs one statement of the server's own between those of the clients.
   * @returns its rows as texts; null when a client is in the middle of something
   */
  async queryBetween(sql: string): Promise<(string | null)[][] | null> {
    return this.#db.runExclusive(async () => {
      if (this.#isTaken()) return null
      const messages = await this.#run(queryMessage(sql))
      return messages.flatMap(message =>
        message.name === 'dataRow' ? [(message as unknown as { fields: (string | null)[] }).fields] : [],
      )
    })
  }

  /**
   * A message of the server's own. PGlite keeps the receiver of the last client's answer until another one is set, and only
   * this method sets one: with any other, that client would get the answer, and from then on each of its own one too late.
   */
  #run(message: Uint8Array): Promise<BackendMessage[]> {
    return this.#db.execProtocolStream(message)
  }

  #isTaken(): boolean {
    return this.#inPipeline || this.#db.isInTransaction()
  }
}

function queryMessage(sql: string): Uint8Array {
  const text = Buffer.from(`${sql}\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(text.length + 4)
  return new Uint8Array(Buffer.concat([Buffer.from('Q'), length, text]))
}
