import { createConnection, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions, type SentinelConnectionOptions, SentinelConnector } from 'ioredis'

const SECOND = 1000
/** A server that owes an answer this long is cut off from us, and no packet will tell. BullMQ's longest wait is 10 s. */
const SILENCE_MS = 15 * SECOND
const LOOK_MS = 3 * SECOND
/** ioredis' own. */
const DISCONNECT_MS = 2 * SECOND

/** The way to a server whose address is known. ioredis has the same, but lets nobody at the connection. */
export class WatchedConnector extends AbstractConnector {
  readonly #options: RedisOptions

  constructor(options: unknown) {
    super((options as RedisOptions).disconnectTimeout ?? DISCONNECT_MS)
    this.#options = options as RedisOptions
  }

  override async connect(): Promise<Socket> {
    this.connecting = true
    await nextTurn()
    if (!this.connecting) throw new Error('Connection is closed.')
    const { host, port = 6379, family, tls } = this.#options
    const address = { host, port, family }
    const stream = tls ? connectTls({ ...address, ...tls }) : createConnection(address)
    this.stream = stream
    stream.once('error', error => {
      this.firstError = error
    })
    return watched(stream)
  }
}

/**
 * ioredis either asks the Sentinels for ever, while commands wait without limit, or gives the connection up for good. This
 * gives Sentinels that are away the look of a server that refuses the connection, for which there are limits and pauses.
 */
export class UnhurriedSentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions)
  }

  override async connect(...parameters: Parameters<SentinelConnector['connect']>) {
    try {
      return watched((await super.connect(...parameters)) as Socket)
    } catch (error) {
      this.firstError = error as Error
      return new Socket().destroy()
    }
  }
}

/**
 * Breaks a connection on which a question stays without an answer; ioredis then makes another and asks again. Its own
 * `socketTimeout` does so too, but keeps the process alive for as long after the connection was closed.
 */
function watched(stream: Socket): Socket {
  let answered = 0
  let owedSince: number | undefined
  const timer = setInterval(() => {
    if (stream.bytesWritten === answered) return
    owedSince ??= Date.now()
    if (Date.now() - owedSince >= SILENCE_MS) stream.destroy(new Error(`no answer for ${SILENCE_MS} ms`))
  }, LOOK_MS).unref()
  // Before ioredis hears it, and without making it flow before ioredis listens.
  stream.prependListener('data', () => {
    answered = stream.bytesWritten
    owedSince = undefined
  })
  stream.once('close', () => clearInterval(timer))
  return stream
}
