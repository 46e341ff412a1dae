import { crc32 } from 'node:zlib'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { AppError } from '../../domain/errors.js'
import { checkInflation } from './inflation-cap.js'
import { damaged, type Part } from './part.js'

/**
 * The entries of a zip archive whose names pass a test, as parts, ordered by name. Unpacks nothing to disk. Supports
 * Zip64 and any size; encrypted entries reject with AppError INPUT_INVALID.
 */
export async function openZip(
  path: string,
  accepts: (entryName: string) => boolean,
): Promise<{ parts: Part[]; entryNames: string[]; close(): void }> {
  const zip = await openPromise(path, { autoClose: false, strictFileNames: false }).catch(error => {
    throw damaged(path, 'zip archive', error)
  })
  try {
    const entries: Entry[] = []
    const entryNames: string[] = []
    for await (const entry of zip.eachEntry()) {
      if (entryNames.length < 10) entryNames.push(entry.fileName)
      if (accepts(entry.fileName)) entries.push(entry)
    }
    for (const entry of entries) checkEntry(path, entry)
    entries.sort((a, b) => compareNames(a.fileName, b.fileName))
    return { parts: entries.map(entry => entryPart(path, zip, entry)), entryNames, close: () => zip.close() }
  } catch (error) {
    zip.close()
    throw error instanceof AppError ? error : damaged(path, 'zip archive', error)
  }
}

/** Sorts `photos.tsv2` before `photos.tsv10`, in every locale. */
export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : 1)
}
const COLLATOR = new Intl.Collator('en', { numeric: true })

function checkEntry(path: string, entry: Entry): void {
  if (entry.canDecodeFileData()) return
  const found = entry.isEncrypted() ? 'an encrypted one' : `compression method ${entry.compressionMethod}`
  throw new AppError(
    'INPUT_INVALID',
    `${path}: ${entry.fileName} should be a plain or deflated entry, found ${found}. Unpack the archive and pass its folder.`,
  )
}

function entryPart(path: string, zip: ZipFile, entry: Entry): Part {
  const name = `${path}:${entry.fileName}`
  return {
    name,
    async *bytes() {
      let checksum = 0
      let inflated = 0
      let stream: Awaited<ReturnType<ZipFile['openReadStreamPromise']>> | undefined
      try {
        stream = await zip.openReadStreamPromise(entry)
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          checksum = crc32(chunk, checksum)
          inflated += chunk.length
          checkInflation(name, entry.compressedSize, inflated)
          yield chunk
        }
      } catch (error) {
        if (error instanceof AppError) throw error
        throw damaged(name, 'entry of a zip archive', error)
      } finally {
        stream?.destroy()
      }
      if (checksum !== entry.crc32) throw damaged(name, 'entry of a zip archive', new Error('its checksum differs'))
    },
  }
}
