import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/**
 * `refuse`: nobody listens. `error`: 500. `slow-down`: 503, as S3 says it. `reset`: the connection breaks in the middle of the
 * body. `hang`: takes requests and never answers.
 */
export type Mood = 'well' | 'refuse' | 'error' | 'slow-down' | 'reset' | 'hang'

const RESET_AFTER_BYTES = 512

/** An HTTP server that misbehaves on demand, at the same address throughout. */
export class MoodyServer {
  /** Requests that were answered with something else than what they asked for. */
  disturbed = 0
  #mood: Mood = 'well'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #hung = new Set<Socket>()
  #port = 0

  private constructor(
    private readonly answer: RequestListener,
    private readonly address: string,
  ) {
    this.#server = createServer((request, response) => this.#take(request, response))
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(answer: RequestListener, address = '127.0.0.1'): Promise<MoodyServer> {
    const server = new MoodyServer(answer, address)
    await server.#listen()
    return server
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return `${this.address}:${this.#port}`
  }

  get origin(): string {
    return `http://${this.host}`
  }

  async become(mood: Mood): Promise<void> {
    const before = this.#mood
    this.#mood = mood
    if (mood === 'refuse') await this.close()
    else if (before === 'refuse') await this.#listen()
    // Whoever was left hanging learns that it was in vain.
    for (const socket of this.#hung) socket.destroy()
    this.#hung.clear()
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, this.address)
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#mood === 'well') {
      this.answer(request, response)
      return
    }
    this.disturbed++
    request.resume()
    if (this.#mood === 'hang') this.#hung.add(request.socket)
    else if (this.#mood === 'reset') {
      response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': 2 * RESET_AFTER_BYTES })
      response.write(Buffer.alloc(RESET_AFTER_BYTES), () => request.socket.resetAndDestroy())
    } else {
      const [status, code] = this.#mood === 'error' ? [500, 'InternalError'] : [503, 'SlowDown']
      const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>Please try again.</Message></Error>`
      response
        .writeHead(status, { 'content-type': 'application/xml' })
        .end(request.method === 'HEAD' ? undefined : body)
    }
  }
}
