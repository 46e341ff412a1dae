import { z } from 'zod'
import { RequestError } from '../../domain/errors.js'
import type { QueryImage } from '../../search/query-image.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Binary, Model, Picture, PictureUrl, Words } from '../schemas/search.js'
import { uploaded } from './search.js'

const MAX_TEXTS = 64
const MAX_PICTURES = 16
const MAX_FETCHED = 4

const EmbedBody = z
  .strictObject({
    texts: z.array(Words).min(1).max(MAX_TEXTS).optional(),
    pictures: z.array(Picture).min(1).max(MAX_PICTURES).optional(),
    picture_urls: z
      .array(PictureUrl)
      .min(1)
      .max(MAX_FETCHED)
      .optional()
      .describe('The server fetches them; private addresses are refused. Their vectors follow those of `pictures`.'),
    model: Model.optional(),
  })
  .meta({ id: 'EmbedRequest', anyOf: ['texts', 'pictures', 'picture_urls'].map(name => ({ required: [name] })) })

/** Vectors of texts and pictures. */
export function addEmbedRoutes(app: HttpApp, { search, fetchPicture }: HttpParts): void {
  app.post(
    '/embed',
    {
      config: { scope: 'read', largeJson: true },
      schema: {
        operationId: 'embed',
        summary: 'Embed texts and pictures',
        description: 'Vectors of unit length in the space of the photos, in the order of the request.',
        tags: ['collection'],
        body: EmbedBody,
        response: {
          200: z.object({
            model: z.string(),
            dimension: z.int(),
            texts: z.array(z.array(z.number())),
            pictures: z.array(z.array(z.number())),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ body, cancelled: signal }) => {
      const { texts = [], pictures = [], picture_urls: urls = [], model: named } = body
      if (texts.length + pictures.length + urls.length === 0)
        throw new RequestError('REQUEST_INVALID', 'Expected texts, pictures or both; found neither.', {
          field: 'body',
          expected: 'texts or pictures',
          found: 'neither',
        })
      const model = await search.model(named)
      const images: QueryImage[] = pictures.map((picture, i) => ({
        name: `pictures.${i}`,
        bytes: Buffer.from(picture, 'base64'),
      }))
      for (const url of urls) images.push(await fetchPicture(url, signal))
      const embedded = await search.embed(model, { texts, images }, signal)
      return {
        model: model.key,
        dimension: model.identity.dimension,
        texts: embedded.texts.map(vector => Array.from(vector)),
        pictures: embedded.images.map(vector => Array.from(vector)),
      }
    },
  )

  app.post(
    '/embed/picture',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'embedPicture',
        summary: 'Embed an uploaded picture',
        description: 'The body is an image file, in any format that can be ingested. The vector has unit length.',
        tags: ['collection'],
        consumes: ['image/*', 'application/octet-stream'],
        body: Binary,
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: z.object({ model: z.string(), dimension: z.int(), vector: z.array(z.number()) }),
          ...PROBLEMS,
        },
      },
    },
    async ({ body, query, cancelled: signal }) => {
      const model = await search.model(query.model)
      const image = { name: 'body', bytes: uploaded(body) }
      const { images } = await search.embed(model, { texts: [], images: [image] }, signal)
      const vector = Array.from(images[0]!)
      return { model: model.key, dimension: vector.length, vector }
    },
  )
}
