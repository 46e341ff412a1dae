import type { Logger } from 'pino'
import { loggable } from '../domain/text/loggable.js'
import { printable } from '../domain/text/printable.js'
import { redact } from '../domain/text/redact.js'

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

const MORE_THAN_WARNINGS: readonly string[] = ['info', 'debug', 'trace']

/** A logger for commands that people watch: gives warnings and errors as sentences, and nothing less. */
export async function openNotes(level: string, note: (sentence: string) => void): Promise<Logger> {
  const { pino } = await import('pino')
  return pino(
    {
      level: MORE_THAN_WARNINGS.includes(level) ? 'warn' : level,
      base: null,
      timestamp: false,
      serializers: { err: loggable },
    },
    { write: (line: string) => note(asSentence(JSON.parse(line))) },
  )
}

interface Entry {
  msg: string
  /** Why, as text or as an error. */
  reason?: string
  err?: { message?: string }
}

function asSentence({ msg, reason, err }: Entry): string {
  const why = reason ?? err?.message
  const text = `${msg[0]!.toUpperCase()}${msg.slice(1)}${why ? `: ${why}` : ''}`
  return /[.!?]$/.test(text) ? text : `${text}.`
}
