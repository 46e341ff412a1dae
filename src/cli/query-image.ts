import { readFile } from 'node:fs/promises'
import { AppError, PhotoError } from '../domain/errors.js'
import type { ImageInput } from '../domain/image-input.js'
import type { Context } from './context.js'

/**
 * An image to search with, from a file or a URL.
 * @returns RGB, [input.size, input.size, 3]
 * @throws AppError, see {@link withImage}
 */
export function loadQueryImage(context: Context, fileOrUrl: string, input: ImageInput): Promise<Uint8Array> {
  return withImage(context, fileOrUrl, async image => {
    const { preprocess } = await import('../workers/preprocess.js')
    const { MAX_IMAGE_PIXELS: maxPixels, PREPROCESS: mode } = context.app.config
    return await preprocess(image, { input, maxPixels, mode })
  })
}

/**
 * Does something with an image file, or with what a URL answers (under the same guard as the workers' downloads).
 * @throws AppError INPUT_NOT_FOUND; INPUT_INVALID for what is the image's own trouble
 */
export async function withImage<T>(
  { app, signal }: Context,
  fileOrUrl: string,
  work: (image: Buffer) => Promise<T>,
): Promise<T> {
  const isUrl = /^https?:\/\//i.test(fileOrUrl)
  try {
    return await work(isUrl ? (await (await app.fetcher()).get(fileOrUrl, { signal })).body : await readFile(fileOrUrl))
  } catch (error) {
    if (error instanceof PhotoError)
      throw new AppError('INPUT_INVALID', `${fileOrUrl}: ${error.code}: ${error.message}`, { cause: error })
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall !== 'open' && syscall !== 'read') throw error
    throw new AppError(
      'INPUT_NOT_FOUND',
      `expected an image file or an http(s) URL, found ${JSON.stringify(fileOrUrl)}: ${code === 'ENOENT' ? 'there is no such file' : code}.`,
    )
  }
}
