import { createConnection, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions, type SentinelConnectionOptions, SentinelConnector } from 'ioredis'
import { SECOND } from '../domain/units.js'

/** A server that owes a response this long counts as unreachable. BullMQ's longest wait is 10 s. */
const SILENCE_MS = 15 * SECOND
const LOOK_MS = 3 * SECOND
/** The default of ioredis. */
const DISCONNECT_MS = 2 * SECOND

/** Connects to a known address. ioredis has an equivalent, but gives no access to the connection. */
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
 * Reports unreachable Sentinels like a server that refuses connections, for which ioredis has limits and pauses.
 * Otherwise it either asks the Sentinels forever, while commands wait without limit, or gives the connection up for
 * good.
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
 * Breaks a connection on which a request stays without a response; ioredis then reconnects and repeats it. Its own
 * `socketTimeout` does this, too, but keeps the process alive for that long after the connection was closed.
 */
function watched(stream: Socket): Socket {
  let answered = 0
  let owedSince: number | undefined
  const timer = setInterval(() => {
    if (stream.bytesWritten === answered) return
    owedSince ??= Date.now()
    if (Date.now() - owedSince >= SILENCE_MS) stream.destroy(new Error(`no response for ${SILENCE_MS} ms`))
  }, LOOK_MS).unref()
  // Before the listener of ioredis, and without starting the flow before ioredis listens.
  stream.prependListener('data', () => {
    answered = stream.bytesWritten
    owedSince = undefined
  })
  stream.once('close', () => clearInterval(timer))
  return stream
}
