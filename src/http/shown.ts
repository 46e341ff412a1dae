import type { z } from 'zod'
import type { Photo } from '../domain/photo.js'
import { isCopyKey } from '../domain/places/copy-key.js'
import type { HybridHit } from '../domain/ports/hybrid.js'
import type { BrowsedPhoto, Hit, PhotoDetails } from '../domain/ports/search.js'
import type { Caller } from './access/caller.js'
import type { FoundPhoto, Hit as HitSchema, PhotoDetails as PhotoDetailsSchema } from './schemas/photo.js'

export const BASE = '/api/v1'

/** How results look to clients. */
export class Shown {
  /** @param showsFiles whether clients may know the addresses of files of this machine */
  constructor(private readonly showsFiles: boolean) {}

  hit(hit: Hit | HybridHit): z.output<typeof HitSchema> {
    return {
      photo_id: hit.photoId,
      score: hit.score,
      correction: hit.correction,
      ...('vectorRank' in hit
        ? {
            vector_rank: hit.vectorRank === null ? null : Number(hit.vectorRank),
            vector_score: hit.vectorScore,
            text_rank: hit.textRank === null ? null : Number(hit.textRank),
            text_score: hit.textScore,
          }
        : {}),
      ...this.#found(hit),
    }
  }

  photo(found: BrowsedPhoto): z.output<typeof FoundPhoto> {
    return { photo_id: found.photoId, ...this.#found(found) }
  }

  details({ photo, states }: PhotoDetails): z.output<typeof PhotoDetailsSchema> {
    return {
      photo_id: photo.photo_id,
      photo: this.metadata(photo),
      models: states.map(({ modelKey, embeddedAt, storedKey, failure, labels }) => ({
        model: modelKey,
        embedded_at: embeddedAt?.toISOString() ?? null,
        stored_key: storedKey,
        copy: copyPath(storedKey),
        failure: failure && {
          code: failure.code,
          message: this.#isHidden(photo) ? 'The log of the worker says why.' : failure.message,
          attempts: failure.attempts,
        },
        labels,
      })),
    }
  }

  metadata(photo: Photo): Record<string, unknown> {
    return this.#isHidden(photo) || photo.photo_image_url === '' ? { ...photo, photo_image_url: null } : photo
  }

  #found({ labels, storedKey, photo }: BrowsedPhoto | Hit | HybridHit) {
    return { labels, stored_key: storedKey, copy: copyPath(storedKey), photo: this.metadata(photo) }
  }

  /** Whether its address is that of a file, a row of one or an object of a bucket, which its failures name too. */
  #isHidden({ photo_image_url: url }: Photo): boolean {
    return !this.showsFiles && !/^https?:/i.test(url)
  }
}

const WHOLE = new Shown(true)
const WITHOUT_MACHINE = new Shown(false)

/** How results look to a caller. */
export function shownTo({ seesMachine }: Caller): Shown {
  return seesMachine ? WHOLE : WITHOUT_MACHINE
}

export function copyPath(key: string | null): string | null {
  return key !== null && isCopyKey(key) ? `${BASE}/copies/${key}` : null
}
