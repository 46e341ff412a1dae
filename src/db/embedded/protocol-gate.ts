import type { PGlite } from '@electric-sql/pglite'

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
 * @param onFatal called when the engine itself breaks: the queue would wait for ever
 */
export function gated(db: PGlite, onFatal: (error: unknown) => void): PGlite {
  let inPipeline = false

  const overrides: Partial<PGlite> = {
    isInTransaction: () => inPipeline || db.isInTransaction(),

    execProtocolRawStream: async (message, options) => {
      if (PIPELINED.has(message[0]!)) inPipeline = true
      try {
        await db.execProtocolRawStream(message, options)
      } catch (error) {
        onFatal(error)
        throw error
      }
      if (ENDS_PIPELINE.has(message[0]!)) inPipeline = false
    },

    // Called only to roll back what a client left behind when it went away.
    exec: async (sql, options) => {
      if (inPipeline) await db.runExclusive(() => db.execProtocolRaw(SYNC))
      inPipeline = false
      return db.exec(sql, options)
    },
  }

  return new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(name in overrides ? overrides : target, name) as unknown
      return typeof value === 'function' && !(name in overrides) ? value.bind(target) : value
    },
  })
}
