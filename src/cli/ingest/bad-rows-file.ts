import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { BadRow } from '../../producers/input/source.js'
import { checkOutputFiles } from '../print/output-file.js'
import { fileFailure } from '../unexpected.js'

/** The file of `--bad-rows`: every bad row as a line of JSON. */
export interface BadRowsFile {
  /** Undefined without `--bad-rows`. */
  readonly write: ((row: BadRow) => void) | undefined
  /** @throws AppError FILE_FAILED when not all of it could be written */
  close(): Promise<void>
}

/** @throws AppError USAGE for a file that is not writable */
export async function openBadRows(path: string | undefined): Promise<BadRowsFile> {
  if (path === undefined) return { write: undefined, close: async () => {} }
  await checkOutputFiles({ '--bad-rows': path })
  const stream = createWriteStream(path)
  // A full disk fails the command at its end, when its work is done.
  let failure: Error | undefined
  stream.on('error', error => {
    failure ??= error
  })
  return {
    write: row => void (failure ?? stream.write(`${JSON.stringify(row)}\n`)),
    async close() {
      stream.end()
      await finished(stream).catch(error => {
        failure ??= error
      })
      if (failure) throw fileFailure(failure) ?? failure
    },
  }
}
