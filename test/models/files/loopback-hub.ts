import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong with one request. Requests beyond the list go well. */
export interface Trouble {
  /** Answers with this status and no file. */
  status?: number
  /** Sends this many bytes of the body; the connection is cut once they have `arrived`. */
  cutAfter?: number
  /** Redirects to this path of the same server. */
  redirectTo?: string
}

/** A model hub on loopback. */
export class LoopbackHub {
  /** Every request, with its Range header where it had one. */
  readonly requests: { path: string; range: string | undefined }[] = []
  /** Answers in the order of the requests. */
  readonly troubles: Trouble[] = []
  ignoresRange = false
  /** Whether answers are sent without a Content-Length. */
  chunked = false

  private held: { bytes: number; response: ServerResponse } | undefined

  private constructor(
    private readonly server: Server,
    /** Path to contents. */
    readonly files: Map<string, Buffer>,
  ) {}

  static async start(files: Readonly<Record<string, Buffer>> = {}): Promise<LoopbackHub> {
    const hub: LoopbackHub = new LoopbackHub(
      createServer((request, response) => hub.answer(request, response)),
      new Map(Object.entries(files)),
    )
    await new Promise<void>(resolve => hub.server.listen(0, '127.0.0.1', resolve))
    return hub
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** To be told how many bytes of the file under way the reader has: so a cut never loses bytes on their way. */
  arrived(bytes: number): void {
    if (this.held === undefined || bytes < this.held.bytes) return
    this.held.response.destroy()
    this.held = undefined
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise(resolve => this.server.close(resolve))
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url!
    this.requests.push({ path, range: request.headers.range })
    const { status, redirectTo, cutAfter } = this.troubles.shift() ?? {}
    const file = this.files.get(path)
    if (redirectTo !== undefined) response.writeHead(302, { location: redirectTo }).end()
    else if (status !== undefined) response.writeHead(status).end('an explanation')
    else if (!file) response.writeHead(404).end('not found')
    else this.send(request, response, file, cutAfter)
  }

  private send(request: IncomingMessage, response: ServerResponse, file: Buffer, cutAfter: number | undefined): void {
    const offset = Number(/^bytes=(\d+)-$/.exec((!this.ignoresRange && request.headers.range) || '')?.[1] ?? 0)
    if (offset >= file.length && offset > 0) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
      return
    }
    const body = file.subarray(offset)
    response.writeHead(offset > 0 ? 206 : 200, {
      ...(this.chunked ? {} : { 'content-length': body.length }),
      ...(offset > 0 ? { 'content-range': `bytes ${offset}-${file.length - 1}/${file.length}` } : {}),
    })
    if (cutAfter === undefined) response.end(body)
    else if (cutAfter === 0) response.destroy()
    else {
      this.held = { bytes: offset + cutAfter, response }
      response.write(body.subarray(0, cutAfter))
    }
  }
}
