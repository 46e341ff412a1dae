import { randomInt } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { Connection, type ConnectionContext } from './connection.js'
import type { Engine } from './engine.js'
import { errorResponse, MessageReader, ProtocolViolation } from './messages.js'
import { SessionSettings } from './session-settings.js'
import { greeting, parseStartup, tooManyConnections } from './startup.js'

const MAX_INT32 = 2 ** 31 - 1

export interface WireServerOptions {
  engine: Engine
  /** Folder for data of COPY. */
  folder: string
  maxConnections: number
  /** A client asked the server to stop. */
  onStopRequest: () => void
}

/** Serves the one session of an engine to many clients of the PostgreSQL protocol, on a Unix socket. */
export class WireServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** One promise per connection; each resolves once its client has left the session. */
  readonly #serving = new Set<Promise<void>>()
  readonly #sessions = new Map<number, { connection: Connection; secret: number }>()
  readonly #context: ConnectionContext
  #nextId = 1

  constructor(private readonly options: WireServerOptions) {
    this.#server = createServer(socket => {
      const serving = this.#serve(socket).finally(() => this.#serving.delete(serving))
      this.#serving.add(serving)
    })
    this.#context = {
      engine: options.engine,
      settings: new SessionSettings(options.engine),
      folder: options.folder,
      notify: notification => {
        for (const { connection } of this.#sessions.values()) if (connection.listens) connection.receive(notification)
      },
    }
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** Connections, with or without a session. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Ends all connections, and waits until open transactions are rolled back. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await Promise.all(this.#serving)
  }

  /** Never rejects. */
  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
    const reader = new MessageReader()
    const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    try {
      if (this.#sockets.size > this.options.maxConnections) {
        socket.end(tooManyConnections())
        return
      }
      await this.#startSession(socket, reader, chunks)
    } catch (error) {
      if (error instanceof ProtocolViolation) socket.write(errorResponse('FATAL', error.sqlState, error.message))
    } finally {
      socket.destroySoon()
    }
  }

  async #startSession(socket: Socket, reader: MessageReader, chunks: AsyncIterator<Buffer>): Promise<void> {
    for (;;) {
      const packet = reader.nextStartup()
      if (packet === null) {
        const { done, value } = await chunks.next()
        if (done) return
        reader.push(value)
        continue
      }
      const startup = parseStartup(packet)
      switch (startup.kind) {
        case 'encryption':
          socket.write('N')
          break
        case 'cancel': {
          const session = this.#sessions.get(startup.pid)
          if (session?.secret === startup.secret) session.connection.cancel()
          return
        }
        case 'stop':
          this.options.onStopRequest()
          return
        case 'session': {
          const id = this.#nextId++
          const secret = randomInt(MAX_INT32)
          const connection = new Connection(id, socket, reader, this.#context)
          this.#sessions.set(id, { connection, secret })
          socket.write(greeting(startup, this.options.engine.parameters, { pid: id, secret }))
          await connection.serve(chunks)
          this.#sessions.delete(id)
          return
        }
      }
    }
  }
}
