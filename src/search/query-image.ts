import { AppError, PhotoError } from '../domain/errors.js'
import type { ImageInput } from '../domain/image-input.js'
import type { DecodeOptions } from '../images/decode.js'

/** An image to search with: the bytes of an image file in any format that the pipeline decodes. */
export interface QueryImage {
  /** For messages: the path, the URL, or the name of an upload. */
  name: string
  bytes: Uint8Array
}

export type ImageLimits = Pick<DecodeOptions, 'maxPixels' | 'mode' | 'jpegDecoder' | 'threads' | 'budget'>

/**
 * Returns the input of the image tower: resized and cropped for the model.
 * @returns RGB, row by row, [input.size, input.size, 3]
 * @throws AppError INPUT_INVALID for an image that cannot be decoded or is too large
 */
export function prepareImage(image: QueryImage, input: ImageInput, limits: ImageLimits): Promise<Uint8Array> {
  return withImageErrors(image.name, async () => {
    const { preprocess } = await import('../images/decode.js')
    return await preprocess(image.bytes, { input, ...limits })
  })
}

/** Runs work on one image. A PhotoError becomes AppError INPUT_INVALID that names the image. */
export async function withImageErrors<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error
    throw new AppError('INPUT_INVALID', `${name}: ${error.code}: ${error.message}`, { cause: error })
  }
}
