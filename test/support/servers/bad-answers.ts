import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { startTcp, type TestServer } from './http-server.js'

/** Answers a request on the wire, byte by byte if it likes. */
export type WireAnswer = (socket: Socket) => void

/** A server whose answers no HTTP library would give, by path. */
export async function startWireServer(answers: ReadonlyMap<string, WireAnswer>): Promise<TestServer> {
  return await startTcp(socket => {
    let head = ''
    socket.on('data', data => {
      head += data.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const path = head.split(' ')[1] ?? ''
      head = ''
      const answer = answers.get(path)
      if (answer) answer(socket)
      else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
  })
}

const DRIP_MS = 20

function head(...headers: string[]): string {
  return `${['HTTP/1.1 200 OK', 'Content-Type: image/jpeg', ...headers].join('\r\n')}\r\n\r\n`
}

/** Sends more and more for as long as somebody listens. */
function keepSending(socket: Socket, next: () => string | Uint8Array): void {
  const timer = setInterval(() => socket.write(next()), DRIP_MS)
  socket.on('close', () => clearInterval(timer))
}

/** Never answers, but keeps the connection. */
export const silence: WireAnswer = () => {}

export const silenceAfterHead: WireAnswer = socket => socket.write(head('Content-Length: 1000'))

/** One byte at a time: always alive, never done. */
export function drippingBody(body: Uint8Array): WireAnswer {
  return socket => {
    let sent = 0
    socket.write(head(`Content-Length: ${body.length}`))
    keepSending(socket, () => body.subarray(sent, ++sent))
  }
}

export const drippingHead: WireAnswer = socket => {
  socket.write('HTTP/1.1 200 OK\r\n')
  keepSending(socket, () => 'X-Padding: x\r\n')
}

/** Headers without end. */
export const endlessHead: WireAnswer = socket => {
  const line = `X-Padding: ${'x'.repeat(1000)}\r\n`
  socket.write('HTTP/1.1 200 OK\r\n')
  for (let i = 0; i < 1000; i++) socket.write(line)
}

/** A chunked body that starts like a JPEG and goes on for as long as it is read. */
export const endlessBody: WireAnswer = socket => {
  const chunk = Buffer.from(`10000\r\n${'\xff\xd8\xff'.padEnd(0x10000, 'x')}\r\n`, 'latin1')
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.write(head('Transfer-Encoding: chunked'))
  socket.on('drain', more)
  more()
}

/** Announces another length than it sends, then closes. */
export function announcing(length: number, body: Uint8Array): WireAnswer {
  return socket => {
    socket.write(head(`Content-Length: ${length}`, 'Connection: close'))
    socket.end(body)
  }
}

export const chunkedClosedEarly: WireAnswer = socket =>
  socket.end(`${head('Transfer-Encoding: chunked')}1000\r\nonly this`)

export const reset: WireAnswer = socket => socket.resetAndDestroy()

export function resetAfter(body: Uint8Array): WireAnswer {
  return socket => {
    socket.write(head(`Content-Length: ${10 * body.length}`))
    socket.write(body, () => socket.resetAndDestroy())
  }
}

export const closed: WireAnswer = socket => socket.end()

export const notHttp: WireAnswer = socket => socket.end('SSH-2.0-OpenSSH_9.6\r\n')

/** Behaves badly for the first requests, then as it should. */
export function firstThen(times: number, first: RequestListener, then: RequestListener): RequestListener {
  let seen = 0
  return (request, response) => {
    if (seen++ < times) first(request, response)
    else then(request, response)
  }
}

export function status(code: number, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => response.writeHead(code, headers).end(`status ${code}`)
}

export function redirect(location: string, code = 302): RequestListener {
  return (_request, response) => response.writeHead(code, { location }).end()
}

export function file(body: Uint8Array, type: string | null, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    const contentType = type === null ? {} : { 'content-type': type }
    response.writeHead(200, { ...contentType, 'content-length': body.length, ...headers }).end(body)
  }
}
