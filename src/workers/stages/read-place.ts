import { stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { isContentOf } from '../../domain/content-id.js'
import { OutOfReachError, PhotoError } from '../../domain/errors.js'
import { parquetRow } from '../../domain/places/parquet-row.js'
import type { KnownPlace } from '../../domain/ports/place-repository.js'
import { imageInRow } from '../../images/formats/parquet-images.js'
import { isInside, isMounted, type ReadFileOptions, readablePath, readImageFile } from './read-file.js'

/**
 * Reads a photo that is identified by its content from the first of its places that holds it. A path of another machine is
 * tried, since the folder may be shared, but what lies there is no evidence against the photo.
 * @param places none: the photo lies nowhere any more
 * @throws OutOfReachError when it may lie in a folder or on a machine that this worker cannot read; PhotoError
 * CONTENT_CHANGED when the files hold other bytes; see also {@link readImageFile}; the signal's reason
 */
export async function readPlace(
  photoId: string,
  places: readonly KnownPlace[],
  options: ReadFileOptions,
  signal?: AbortSignal,
): Promise<Buffer> {
  let failure: PhotoError | undefined
  let outOfReach: OutOfReachError | undefined
  for (const { path, isHere } of places) {
    const row = parquetRow(path)
    const filePath = row?.path ?? path
    const folder = options.folders.find(folder => isInside(filePath, [folder]))
    if (folder === undefined) {
      outOfReach ??= new OutOfReachError(path)
      continue
    }
    try {
      const url = pathToFileURL(filePath).href
      const bytes = row ? await readRow({ url, row: row.row }, options) : await readImageFile(url, options, signal)
      if (isContentOf(photoId, bytes)) return bytes
      if (!isHere) throw new PhotoError('CONTENT_CHANGED', 'this machine has another file there')
      failure = new PhotoError('CONTENT_CHANGED', `${path} has changed since it was ingested`)
    } catch (error) {
      if (!(error instanceof PhotoError)) throw error
      if (!isHere) outOfReach ??= new OutOfReachError(path, `another machine ingested it: ${error.message}`)
      else if (error.code === 'FILE_NOT_FOUND' && !(await isMounted(folder, filePath)))
        outOfReach ??= new OutOfReachError(path)
      else failure ??= error
    }
  }
  throw outOfReach ?? failure ?? new PhotoError('CONTENT_CHANGED', 'no file with these bytes is recorded any more')
}

async function readRow({ url, row }: { url: string; row: number }, options: ReadFileOptions): Promise<Buffer> {
  const path = await readablePath(url, options)
  const { size, mtimeMs } = await stat(path)
  const { buffer, byteOffset, length } = await imageInRow({ path, row }, `${size} ${mtimeMs}`)
  if (length > options.maxBytes)
    throw new PhotoError('TOO_LARGE', `${path}, row ${row}: ${length} bytes, at most ${options.maxBytes} taken`)
  return Buffer.from(buffer, byteOffset, length)
}
