import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { randomNumbers } from '../../support/random-numbers.js'

/** A message of the PostgreSQL protocol; without a type for the startup packet. */
export function message(type: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body)
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length + 4)
  return Buffer.concat([Buffer.from(type), length, bytes])
}

const code = (value: number, ...rest: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * (1 + rest.length))
  for (const [i, one] of [value, ...rest].entries()) bytes.writeInt32BE(one | 0, 4 * i)
  return bytes
}

export const startupMessage = (parameters = 'user\0postgres\0database\0postgres\0\0', version = 3 << 16): Buffer =>
  message('', Buffer.concat([code(version), Buffer.from(parameters)]))

export const query = (sql: string): Buffer => message('Q', `${sql}\0`)

const SQL = [
  'select 1',
  'select $1::text',
  'select 1/0',
  'select nothing from nowhere',
  '',
  'begin',
  'commit',
  'rollback',
  'begin; select 1; commit',
  'set work_mem = 12345',
  "select set_config('search_path', 'nowhere', false)",
  'reset all',
  'discard all',
  'deallocate all',
  'listen hostile',
  "notify hostile, 'x'",
  'unlisten *',
  'prepare p as select 1',
  'declare c cursor for select generate_series(1, 100)',
  'fetch 10 from c',
  'copy hostile from stdin',
  'copy hostile from stdin; select 2',
  'begin; copy hostile from stdin; commit',
  'copy hostile to stdout',
  "copy hostile from program 'cat'",
  'insert into hostile values (1)',
  'select repeat($$x$$, 100000)',
  'select pg_terminate_backend(pg_backend_pid())',
  'set idle_in_transaction_session_timeout = 1',
  'set transaction_timeout = 1',
]
const NAMES = ['', 'same', 'other']

/** What a hostile client sends on one connection, decided by the seed alone. */
export interface HostileSession {
  startup: Buffer[]
  sends: Buffer[]
  /** How it leaves: after the answers, in the middle, or with its sending side first. */
  leaves: 'late' | 'at once' | 'half'
}

export function hostileSession(seed: number): HostileSession {
  const random = randomNumbers(Math.imul(seed + 1, 0x9e3779b1))
  for (let i = 0; i < 5; i++) random()
  const below = (limit: number): number => Math.floor((random() + 0.5) * limit)
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))

  const valid = (): Buffer => {
    const name = one(NAMES)
    const portal = one(['', 'portal'])
    switch (below(14)) {
      case 0:
      case 1:
      case 2:
        return query(one(SQL))
      case 3:
      case 4:
        return message('P', `${name}\0${one(SQL)}\0\0\0`)
      case 5:
        return message('B', `${portal}\0${name}\0\0\0\0\0\0\0`)
      case 6:
        return message('D', `${one(['S', 'P', 'x'])}${name}\0`)
      case 7:
        return message('E', Buffer.concat([Buffer.from(`${portal}\0`), code(below(3))]))
      case 8:
        return message('C', `${one(['S', 'P'])}${name}\0`)
      case 9:
        return message(one(['S', 'H']))
      case 10:
        return message('F', Buffer.concat([code(below(5000)), bytes(below(20))]))
      case 11:
        return message('d', one(['1\n', '2\n', 'x\n', '\\.\n', bytes(30)]))
      case 12:
        return message(one(['c', 'f']), one(['', 'no\0']))
      default:
        return message('S')
    }
  }
  const damaged = (whole: Buffer): Buffer => {
    const copy = Buffer.from(whole)
    switch (below(5)) {
      case 0:
        copy[below(copy.length)] = below(256)
        return copy
      case 1:
        return copy.subarray(0, below(copy.length))
      case 2:
        if (copy.length >= 5) copy.writeInt32BE(one([-1, 0, 3, 4, 5, 2 ** 31 - 1, 10_001, 2 ** 28]), 1)
        return copy
      case 3:
        return bytes(1 + below(60))
      default:
        return Buffer.concat([copy, copy])
    }
  }
  const startups: (() => Buffer[])[] = [
    () => [message('', code(80877103)), startupMessage()],
    () => [message('', code(80877104)), startupMessage()],
    () => [message('', code(80877102, below(100), below(100)))],
    () => [startupMessage(undefined, one([2 << 16, (3 << 16) + 2, (3 << 16) + 9999, 4 << 16, 0, -1]))],
    () => [startupMessage('user\0postgres\0replication\0database\0\0')],
    () => [startupMessage('user\0postgres')],
    () => [startupMessage('user\0p\0options\0-c search_path=nowhere\0client_encoding\0LATIN1\0_pq_.x\0y\0\0')],
    () => [startupMessage().subarray(0, below(20))],
    () => [damaged(startupMessage())],
    () => [],
  ]
  return {
    startup: below(5) > 0 ? [startupMessage()] : one(startups)(),
    sends: Array.from({ length: below(12) }, () => (below(4) > 0 ? valid() : damaged(valid()))),
    leaves: one(['late', 'at once', 'half'] as const),
  }
}

/** Runs a session to its end. Answers do not matter; the connection must end. */
export async function runHostileSession(socketPath: string, session: HostileSession): Promise<void> {
  const socket = connect(socketPath)
  socket.on('error', () => undefined)
  socket.resume()
  const closed = once(socket, 'close').catch(() => undefined)
  await once(socket, 'connect')
  for (const part of [...session.startup, ...session.sends]) if (socket.writable) socket.write(part)
  if (session.leaves === 'late') await pause(5)
  if (session.leaves === 'half') socket.end()
  else await new Promise<void>(resolve => setImmediate(() => resolve(void socket.destroy())))
  await closed
}
