import { readFile } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { type QueryImage, withImageErrors } from '../../search/query-image.js'
import type { Context } from '../context.js'

/**
 * Reads an image from a path or an http(s) URL. URLs are guarded like the workers' downloads.
 * @throws AppError INPUT_NOT_FOUND; INPUT_INVALID for a URL without an image
 */
export async function readImage(
  { app, signal }: Pick<Context, 'app' | 'signal'>,
  fileOrUrl: string,
): Promise<QueryImage & { bytes: Buffer }> {
  if (!/^https?:\/\//i.test(fileOrUrl)) return { name: fileOrUrl, bytes: await readImageFile(fileOrUrl) }
  return withImageErrors(fileOrUrl, async () => {
    const fetcher = await app.fetcher()
    return { name: fileOrUrl, bytes: (await fetcher.get(fileOrUrl, { signal })).body }
  })
}

const FOUND: Record<string, string> = {
  ENOENT: 'the file does not exist',
  ENOTDIR: 'the file does not exist',
  EISDIR: 'it is a folder',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
}

async function readImageFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall !== 'open' && syscall !== 'read') throw error
    throw new AppError(
      'INPUT_NOT_FOUND',
      `expected an image file or an http(s) URL, found ${JSON.stringify(file)}: ${FOUND[code!] ?? code}.`,
    )
  }
}
