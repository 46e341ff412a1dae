import { PhotoError } from '../../domain/errors.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import type { Embedded } from '../../domain/ports/repository.js'
import type { FailedPhoto, PreparedPhoto } from './prepare.js'

/**
 * Stage encode: encodes all photos in one call. If that fails for one of them, encodes each separately, so that only
 * the culprit fails.
 */
export async function encodePhotos(
  encoder: Pick<Encoder, 'encodeImages'>,
  photos: readonly PreparedPhoto[],
): Promise<{ embedded: Embedded[]; failed: FailedPhoto[] }> {
  if (photos.length === 0) return { embedded: [], failed: [] }
  try {
    const embeddings = await encoder.encodeImages(photos.map(({ pixels }) => pixels))
    const embedded = photos.map(({ photo, storedKey, metadata, version }, i) => ({
      photoId: photo.id,
      embedding: embeddings[i]!,
      storedKey,
      metadata,
      version,
    }))
    return { embedded, failed: [] }
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error
    if (photos.length === 1) return { embedded: [], failed: [{ photo: photos[0]!.photo, error }] }
  }
  const alone = []
  for (const photo of photos) alone.push(await encodePhotos(encoder, [photo]))
  return { embedded: alone.flatMap(one => one.embedded), failed: alone.flatMap(one => one.failed) }
}
