import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { BadRow } from '../producers/source.js'

/** Where `--bad-rows` writes every bad row, as JSON lines. */
export interface BadRowsFile {
  /** Undefined when nobody asked for it. */
  readonly write: ((row: BadRow) => void) | undefined
  close(): Promise<void>
}

export function openBadRows(path: string | undefined): BadRowsFile {
  if (path === undefined) return { write: undefined, close: async () => {} }
  const stream = createWriteStream(path)
  return {
    write: row => void stream.write(`${JSON.stringify(row)}\n`),
    async close() {
      stream.end()
      await finished(stream)
    },
  }
}
