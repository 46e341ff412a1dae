import { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import { conditionsOf } from '../conditions.js'
import { listKey, readCursor, writeCursor } from '../cursor.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { FoundPhoto, PhotoDetails, PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Model, PAGE_PARAMETERS, SearchResult } from '../schemas/search.js'
import { shownTo } from '../shown.js'
import { linkNext } from './search.js'

const DEFAULT_HITS = 50

const BrowseParameters = z
  .strictObject({ order: z.enum(['newest', 'oldest']).optional().describe('Default: newest.'), ...PAGE_PARAMETERS })
  .omit({ min_score: true })

const OnePhoto = z.strictObject({ id: PhotoId })

/** One photo, and what is like it. */
export function addPhotoRoutes(app: HttpApp, { search }: HttpParts): void {
  app.get(
    '/photos',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'photos',
        summary: 'Embedded photos by their date',
        description:
          'For looking around: conditions apply, and nothing is searched for. Photos without a date come last.',
        tags: ['photos'],
        querystring: BrowseParameters,
        response: {
          200: z.object({ model: z.string(), photos: z.array(FoundPhoto), next: z.string().nullable() }),
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const { query } = request
      const model = await search.model(query.model)
      const { k = DEFAULT_HITS, cursor, order = 'newest' } = query
      const { labels, where } = conditionsOf(query)
      const list = listKey('photos', model.id, order, labels, where)
      const start = cursor === undefined ? undefined : readCursor(cursor, false, list)
      if (start && 'offset' in start) throw new AppError('USAGE', 'cursor expects `next` of a page of this list')
      const after = start && { place: start.after.score, photoId: start.after.photoId }
      const photos = await search.browse(model, { k, order, labels, where, after })
      const last = photos.at(-1)
      const next =
        last === undefined || photos.length < k
          ? null
          : writeCursor({ after: { score: last.place, photoId: last.photoId } }, list)
      linkNext(request, reply, next)
      return { model: model.key, photos: photos.map(photo => shownTo(request.caller).photo(photo)), next }
    },
  )

  app.get(
    '/photos/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'photo',
        summary: 'A photo: metadata, and for each model its state and labels with scores',
        tags: ['photos'],
        params: OnePhoto,
        response: { 200: PhotoDetails, ...PROBLEMS },
      },
    },
    async ({ params, caller }) => shownTo(caller).details(await search.photo(params.id)),
  )

  app.get(
    '/photos/:id/vector',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'vectorOfPhoto',
        summary: 'The embedding of a photo',
        tags: ['photos'],
        params: OnePhoto,
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: z.object({
            photo_id: PhotoId,
            model: z.string(),
            dimension: z.int(),
            vector: z.array(z.number()).describe('Of unit length, rounded to half precision, as it is stored.'),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ params: { id }, query }) => {
      const model = await search.model(query.model)
      const vector = await search.embedding(model, id)
      return { photo_id: id, model: model.key, dimension: vector.length, vector: Array.from(vector) }
    },
  )

  app.get(
    '/photos/:id/similar',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'similarPhotos',
        summary: 'Photos like a photo, which is left out',
        tags: ['photos'],
        params: OnePhoto,
        querystring: z.strictObject(PAGE_PARAMETERS),
        response: { 200: SearchResult, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { query, params, cancelled: signal } = request
      await search.photo(params.id)
      const model = await search.model(query.model)
      const { k = DEFAULT_HITS, cursor, min_score: minScore } = query
      const conditions = conditionsOf(query)
      const list = listKey('similar', model.id, params.id, minScore, conditions)
      const start = cursor === undefined ? undefined : readCursor(cursor, false, list)
      if (start && 'offset' in start) throw new AppError('USAGE', 'cursor expects `next` of a page of this list')
      const options = { k, minScore, ...conditions, ...start }
      const hits = await search.nearest(model, { photo: params.id }, options, signal)
      const next = hits.length < k ? null : writeCursor({ after: hits.at(-1)! }, list)
      linkNext(request, reply, next)
      return { model: model.key, hits: hits.map(hit => shownTo(request.caller).hit(hit)), corrected: false, next }
    },
  )
}
