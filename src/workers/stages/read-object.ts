import { OutOfReachError, PhotoError } from '../../domain/errors.js'
import { isObjectOf, objectAt } from '../../domain/places/object-place.js'
import { ObjectReadError, type ObjectReader } from '../../domain/ports/object-reader.js'
import type { KnownPlace } from '../../domain/ports/place-repository.js'

export interface ReadObjectOptions {
  objects: ObjectReader
  /** Buckets and prefixes that may be read, `s3://bucket/prefix`; folders are passed over. */
  folders: readonly string[]
  maxBytes: number
}

/**
 * Reads a photo that lies in a bucket from the first of its places that holds it: the database alone opens no bucket.
 * @param places none: the photo lies nowhere any more
 * @throws OutOfReachError when the bucket is not permitted here, or refuses these credentials; PhotoError CONTENT_CHANGED,
 * FILE_NOT_FOUND, TOO_LARGE, EMPTY_BODY, TIMEOUT, CONNECTION_FAILED, HTTP_…; the signal's reason
 */
export async function readObject(
  photoId: string,
  places: readonly KnownPlace[],
  { objects, folders, maxBytes }: ReadObjectOptions,
  signal?: AbortSignal,
): Promise<Buffer> {
  let failure: PhotoError | undefined
  let outOfReach: OutOfReachError | undefined
  for (const { path } of places) {
    if (!folders.some(folder => path === folder || path.startsWith(`${folder}/`))) {
      outOfReach ??= new OutOfReachError(path)
      continue
    }
    try {
      const isExpected = (found: { etag: string; size: number }) => isObjectOf(photoId, found)
      const { bytes } = await objects.read(objectAt(path), { maxBytes, isExpected, signal })
      if (bytes.length === 0) throw new PhotoError('EMPTY_BODY', `${path}: no bytes`)
      return bytes
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ObjectReadError && error.problem === 'refused')
        outOfReach ??= new OutOfReachError(path, error.message)
      else if (error instanceof PhotoError) failure ??= error
      else failure ??= failureOf(error)
    }
  }
  throw outOfReach ?? failure ?? new PhotoError('CONTENT_CHANGED', 'no object with this content is recorded any more')
}

const CODES = {
  missing: 'FILE_NOT_FOUND',
  changed: 'CONTENT_CHANGED',
  'too large': 'TOO_LARGE',
  timeout: 'TIMEOUT',
  unreachable: 'CONNECTION_FAILED',
} as const

function failureOf(error: unknown): PhotoError {
  if (!(error instanceof ObjectReadError) || error.problem === 'refused') throw error
  const { problem, message, cause } = error
  return problem in CODES
    ? new PhotoError(CODES[problem as keyof typeof CODES], message, { cause })
    : new PhotoError(problem as `HTTP_${number}`, message, { cause, retryable: true })
}
