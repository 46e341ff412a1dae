import { readFile } from 'node:fs/promises'
import { AppError, PhotoError } from '../domain/errors.js'
import type { Context } from './context.js'

/**
 * An image to search with, from a file or a URL (under the same guard as the workers' downloads).
 * @returns RGB, [size, size, 3]
 */
export async function loadQueryImage({ app, signal }: Context, fileOrUrl: string, size: number): Promise<Uint8Array> {
  const isUrl = /^https?:\/\//i.test(fileOrUrl)
  try {
    const bytes = isUrl ? (await (await app.fetcher()).get(fileOrUrl, { signal })).body : await readFile(fileOrUrl)
    const { preprocess } = await import('../workers/preprocess.js')
    return await preprocess(bytes, { size, maxPixels: app.config.MAX_IMAGE_PIXELS })
  } catch (error) {
    if (error instanceof PhotoError)
      throw new AppError('INPUT_INVALID', `${fileOrUrl}: ${error.code}: ${error.message}`, { cause: error })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new AppError(
        'INPUT_NOT_FOUND',
        `--image expects an image file or an http(s) URL; there is no file ${JSON.stringify(fileOrUrl)}.`,
      )
    throw error
  }
}
