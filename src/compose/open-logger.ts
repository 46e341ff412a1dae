import type { Logger } from 'pino'
import { loggable } from '../domain/text/loggable.js'
import { printable } from '../domain/text/printable.js'
import { redact } from '../domain/text/redact.js'

/**
 * Lines on stderr without credentials and control characters: JSON, or text for people.
 * @param format `auto`: text on a terminal
 */
export async function openLogger(level: string, format: 'auto' | 'json' | 'text' = 'auto'): Promise<Logger> {
  const { pino } = await import('pino')
  const { isTTY } = process.stderr
  const isText = format === 'text' || (format === 'auto' && isTTY)
  // On a terminal the line of the progress gives way.
  const start = isTTY ? '\r\u001b[2K' : ''
  const asText = (line: string) => start + printable(redact(textLine(line)))
  const options = {
    level,
    base: { pid: process.pid },
    serializers: { err: loggable },
    hooks: { streamWrite: isText ? asText : (line: string) => printable(redact(line)) },
  }
  return pino(options, pino.destination({ fd: 2, sync: true }))
}

const LEVELS: Readonly<Record<number, string>> = { 40: 'warning: ', 50: 'error: ', 60: 'fatal: ' }

/** A line of JSON as `14:03:12 batch done, embedded 32, failed 0`. */
export function textLine(line: string): string {
  const { level, time, msg, err, pid: _, ...fields } = JSON.parse(line) as Entry & Record<string, unknown>
  const clock = new Date(Number(time)).toTimeString().slice(0, 8)
  const values = Object.entries(fields).map(([name, value]) => `${name} ${oneLine(value)}`)
  const why = err?.message ? `: ${oneLine(err.message)}` : ''
  return `${clock} ${LEVELS[Number(level)] ?? ''}${[`${oneLine(msg)}${why}`, ...values].join(', ')}\n`
}

function oneLine(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', ' ')
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
