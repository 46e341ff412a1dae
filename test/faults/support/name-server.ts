import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const HEADER_BYTES = 12
const A = 1

/** A name server on port 53 of a loopback address: every name has the address 127.0.0.1. */
export class NameServer {
  /** Takes questions and answers none. */
  hangs = false
  #socket: Socket | undefined

  constructor(readonly address: string) {}

  async open(): Promise<this> {
    const socket = createSocket('udp4')
    socket.on('message', (question, from) => {
      if (!this.hangs) socket.send(answerTo(question), from.port, from.address)
    })
    socket.bind(53, this.address)
    await once(socket, 'listening')
    this.#socket = socket
    return this
  }

  /** Then whoever asks learns that the port is closed. */
  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    if (socket) await new Promise<void>(resolve => socket.close(() => resolve()))
  }
}

/** RFC 1035, section 4. Other types than A have no data. */
function answerTo(query: Buffer): Buffer {
  let end = HEADER_BYTES
  while (query[end] !== 0) end += query[end]! + 1
  const question = query.subarray(HEADER_BYTES, end + 5)
  const isA = question.readUInt16BE(question.length - 4) === A
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8180, 2) // an answer, with recursion
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(isA ? 1 : 0, 6)
  const answer = Buffer.from([0xc0, HEADER_BYTES, 0, A, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1])
  return Buffer.concat([header, question, isA ? answer : Buffer.alloc(0)])
}
