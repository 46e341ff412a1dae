import { errorResponse, message, ProtocolViolation, readyForQuery } from './messages.js'

/** Codes in place of a protocol version (PostgreSQL, "Message Formats"). */
const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104
/** Of this project: asks the server to stop. Works across PID namespaces, where a signal does not. */
const STOP_REQUEST = 80871999
const PROTOCOL_MAJOR = 3
const PROTOCOL_3_0 = 3 << 16

export const STOP_PACKET = Buffer.from([0, 0, 0, 8, ...int32(STOP_REQUEST)])

export type Startup =
  | { kind: 'encryption' }
  | { kind: 'cancel'; pid: number; secret: number }
  | { kind: 'stop' }
  | { kind: 'session'; parameters: Map<string, string>; minor: number }

/** @param packet without its length @throws ProtocolViolation for a packet of a protocol that is not offered */
export function parseStartup(packet: Buffer): Startup {
  const code = packet.readInt32BE()
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) return { kind: 'encryption' }
  if (code === STOP_REQUEST) return { kind: 'stop' }
  if (code === CANCEL_REQUEST) {
    if (packet.length < 12) throw new ProtocolViolation('invalid length of cancel request')
    return { kind: 'cancel', pid: packet.readInt32BE(4), secret: packet.readInt32BE(8) }
  }
  const [major, minor] = [code >>> 16, code & 0xffff]
  if (major !== PROTOCOL_MAJOR)
    throw new ProtocolViolation(`unsupported frontend protocol ${major}.${minor}: server supports 3.0`, '0A000')
  const words = packet.subarray(4).toString('utf8').split('\0')
  const parameters = new Map<string, string>()
  for (let i = 0; i + 1 < words.length && words[i] !== ''; i += 2) parameters.set(words[i]!, words[i + 1]!)
  const replication = parameters.get('replication') ?? 'false'
  if (!['false', 'off', 'no', '0'].includes(replication))
    throw new ProtocolViolation('The embedded database has no replication. Set DATABASE_URL to use a server.', '0A000')
  return { kind: 'session', parameters, minor }
}

/** The messages after which a session is ready. */
export function greeting(
  session: { parameters: Map<string, string>; minor: number },
  engineParameters: readonly Buffer[],
  key: { pid: number; secret: number },
): Buffer {
  const unknown = [...session.parameters.keys()].filter(name => name.startsWith('_pq_.'))
  const negotiate =
    session.minor > 0 || unknown.length > 0
      ? [message('v', int32Buffer(PROTOCOL_3_0), int32Buffer(unknown.length), ...unknown.map(name => `${name}\0`))]
      : []
  return Buffer.concat([
    ...negotiate,
    message('R', int32Buffer(0)),
    ...engineParameters,
    message('K', int32Buffer(key.pid), int32Buffer(key.secret)),
    readyForQuery('I'),
  ])
}

export const tooManyConnections = (): Buffer =>
  errorResponse('FATAL', '53300', 'sorry, too many clients already. Close connections, or lower DATABASE_POOL_SIZE.')

function int32(value: number): number[] {
  return [...int32Buffer(value)]
}

function int32Buffer(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}
