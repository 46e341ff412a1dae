import { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import { removePhotos } from '../../producers/removal/remove-photos.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import type { RecentBuffers } from '../recent-buffers.js'
import { PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'

const MAX_PHOTOS = 1000

const Removed = z
  .object({
    photos: z.int().describe('Removed photos, with embeddings and labels.'),
    copies: z.int().describe('Deleted copies, also those that earlier removals left.'),
  })
  .meta({ id: 'Removed' })

/** Removing photos, as `photo rm` does. @param recent pictures that were sent lately */
export function addRemovalRoutes(app: HttpApp, { removal }: HttpParts, recent: RecentBuffers): void {
  app.delete(
    '/photos/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'removePhoto',
        summary: 'Remove a photo with embeddings, labels and stored copy',
        description: 'The original image stays. Ingesting it again brings the photo back.',
        tags: ['photos'],
        params: z.strictObject({ id: PhotoId }),
        response: { 200: Removed, ...PROBLEMS },
      },
    },
    async ({ params: { id }, cancelled }) => {
      const { unknown, ...removed } = await remove([id], cancelled)
      if (unknown.length > 0) throw new AppError('NOT_FOUND', `There is no photo with the id ${JSON.stringify(id)}.`)
      return removed
    },
  )

  app.post(
    '/photos/delete',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'removePhotos',
        summary: 'Remove several photos',
        description: 'Ids that no photo has are listed in the answer and change nothing.',
        tags: ['photos'],
        body: z
          .strictObject({ photos: z.array(PhotoId).min(1).max(MAX_PHOTOS) })
          .meta({ id: 'RemovalRequest', description: `At most ${MAX_PHOTOS} ids.` }),
        response: { 200: Removed.extend({ unknown: z.array(PhotoId) }), ...PROBLEMS },
      },
    },
    ({ body, cancelled }) => remove(body.photos, cancelled),
  )

  async function remove(ids: readonly string[], signal: AbortSignal) {
    const existing = new Set(await removal.removals.existing(ids))
    const removed = await removePhotos([...existing], removal, { signal }).finally(() => recent.clear())
    return { ...removed, unknown: [...new Set(ids)].filter(id => !existing.has(id)) }
  }
}
