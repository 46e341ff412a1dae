import type { Logger } from 'pino'
import { loggable } from '../domain/loggable.js'
import { printable } from '../domain/printable.js'
import { redact } from '../domain/redact.js'

/** JSON lines on stderr, without credentials and control characters. */
export async function openLogger(level: string): Promise<Logger> {
  const { pino } = await import('pino')
  const options = {
    level,
    base: { pid: process.pid },
    serializers: { err: loggable },
    hooks: { streamWrite: (line: string) => printable(redact(line)) },
  }
  return pino(options, pino.destination({ fd: 2, sync: true }))
}
