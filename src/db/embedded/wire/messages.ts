/** Messages of the PostgreSQL protocol 3.0, "Message Formats". Sizes include the length field, as on the wire. */

/** A message with its type, as on the wire. */
export interface Message {
  /** One letter. */
  type: string
  bytes: Buffer
}

/** Postgres's limit for types that carry no data (PQ_SMALL_MESSAGE_LIMIT), less room for the prefix of a name. */
const MAX_SMALL_BYTES = 9_000
/** The engine lives in 2 GiB of memory and copies a message several times. */
const MAX_LARGE_BYTES = 256 * 1024 * 1024
const LARGE = new Set('QPBFd')
const SMALL = new Set('DECHSXcf')
const HEADER_BYTES = 5

/** A client broke the protocol. Its connection ends; nobody else is affected. */
export class ProtocolViolation extends Error {
  constructor(
    message: string,
    readonly sqlState = '08P01',
  ) {
    super(message)
  }
}

/** Cuts what a client sends into messages. Memory use is what has arrived, not the length that a client claims. */
export class MessageReader {
  #chunks: Buffer[] = []
  #size = 0

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
  }

  /** @returns the startup packet without its length; null until it is complete */
  nextStartup(): Buffer | null {
    if (this.#size < 4) return null
    const length = this.#peek(4).readInt32BE()
    // Postgres: MAX_STARTUP_PACKET_LENGTH.
    if (length < 8 || length > 10_000) throw new ProtocolViolation(`invalid length of startup packet: ${length}`)
    return this.#size < length ? null : this.#take(length).subarray(4)
  }

  /** @returns null until the next message is complete @throws ProtocolViolation */
  next(): Message | null {
    if (this.#size === 0) return null
    const head = this.#peek(Math.min(this.#size, HEADER_BYTES))
    const type = String.fromCharCode(head[0]!)
    if (!LARGE.has(type) && !SMALL.has(type)) throw new ProtocolViolation(`invalid frontend message type ${head[0]}`)
    if (head.length < HEADER_BYTES) return null
    const length = head.readInt32BE(1)
    const most = LARGE.has(type) ? MAX_LARGE_BYTES : MAX_SMALL_BYTES
    if (length < 4) throw new ProtocolViolation(`invalid message length ${length}`)
    if (length > most)
      throw new ProtocolViolation(
        `a message of type ${type} may have ${most} bytes here, found ${length}. Send less per statement.`,
        '54000',
      )
    return this.#size < length + 1 ? null : { type, bytes: this.#take(length + 1) }
  }

  #peek(bytes: number): Buffer {
    if (this.#chunks[0]!.length < bytes) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!.subarray(0, bytes)
  }

  #take(bytes: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#chunks = all.length === bytes ? [] : [all.subarray(bytes)]
    this.#size -= bytes
    return all.subarray(0, bytes)
  }
}

/** Cuts the engine's output into messages. A copy: the engine reuses its memory. */
export class OutputReader {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Uint8Array): Message[] {
    const found: Message[] = []
    const all: Buffer = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    let from = 0
    while (all.length - from >= HEADER_BYTES) {
      const to = from + 1 + all.readInt32BE(from + 1)
      if (to > all.length) break
      found.push({ type: String.fromCharCode(all[from]!), bytes: all.subarray(from, to) })
      from = to
    }
    this.#rest = all.subarray(from)
    return found
  }
}

export function message(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
  const head = Buffer.alloc(HEADER_BYTES)
  head.write(type, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export const SYNC = message('S')
export const COPY_DONE = message('c')
export const query = (sql: string): Buffer => message('Q', `${sql}\0`)
/** Without types of parameters. */
export const parseStatement = (name: string, sql: string): Buffer => message('P', `${name}\0${sql}\0\0\0`)
export const copyFail = (reason: string): Buffer => message('f', `${reason}\0`)
export const closeStatement = (name: string): Buffer => message('C', `S${name}\0`)
export const commandComplete = (tag: string): Buffer => message('C', `${tag}\0`)
export const readyForQuery = (status: string): Buffer => message('Z', status)

export function errorResponse(severity: 'ERROR' | 'FATAL', sqlState: string, text: string): Buffer {
  const line = text.replaceAll('\0', ' ')
  return message('E', `S${severity}\0V${severity}\0C${sqlState}\0M${line}\0\0`)
}

/** The fields of an ErrorResponse by their letters: V severity, C SQLSTATE, M message. */
export function errorFields({ bytes }: Message): Record<string, string> {
  const fields = bytes.subarray(HEADER_BYTES).toString('utf8').split('\0')
  return Object.fromEntries(fields.filter(field => field !== '').map(field => [field[0]!, field.slice(1)]))
}

/** The string that starts at an offset of the body. */
export function textAt({ bytes }: Message, offset = 0): string {
  const from = HEADER_BYTES + offset
  const end = bytes.indexOf(0, from)
  return bytes.toString('utf8', from, end === -1 ? bytes.length : end)
}

/** The values of a DataRow as texts. */
export function rowOf({ bytes }: Message): (string | null)[] {
  let at = HEADER_BYTES + 2
  return Array.from({ length: bytes.readInt16BE(HEADER_BYTES) }, () => {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === -1) return null
    at += length
    return bytes.toString('utf8', at - length, at)
  })
}

/** Inserts a prefix into the statement name of a Parse, Bind, Describe or Close message. */
export function prefixStatement(found: Message, prefix: string): Buffer {
  const { type, bytes } = found
  const body = bytes.subarray(HEADER_BYTES)
  if (type === 'P') return message('P', prefix, body)
  if (type === 'B') {
    const name = body.indexOf(0) + 1
    return name === 0 ? bytes : message('B', body.subarray(0, name), prefix, body.subarray(name))
  }
  return body[0] === 'S'.charCodeAt(0) ? message(type, 'S', prefix, body.subarray(1)) : bytes
}

/** The name of the statement that a message of the extended protocol is about; null for portals. */
export function statementName(found: Message): string | null {
  const text = textAt(found)
  if (found.type === 'P') return text
  if (found.type === 'B') return textAt(found, Buffer.byteLength(text) + 1)
  return text.startsWith('S') ? text.slice(1) : null
}

export const isQuery = (bytes: Buffer): boolean => bytes[0] === 'Q'.charCodeAt(0)
