import { z } from 'zod'
import { modelKey } from '../../domain/model.js'
import { hasTextTower } from '../../domain/text-tower.js'
import { ExampleSearches } from '../../search/example-searches.js'
import { conditionsOf } from '../conditions.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { FILTER_PARAMETERS } from '../schemas/filters.js'
import { CopyPath, PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Model } from '../schemas/search.js'
import { copyPath } from '../shown.js'

const RegisteredModel = z
  .object({
    model: z.string(),
    revision: z.string(),
    dimension: z.int().describe('Length of a vector.'),
    photos: z.int().describe('Photos with an embedding of this model.'),
    searched: z.boolean().describe('Whether searches use it that name no model.'),
  })
  .meta({ id: 'Model' })

const Pair = z.object({ photo_id: PhotoId, other_id: PhotoId, score: z.number() })
const Group = z
  .object({
    representative_id: PhotoId,
    members: z.array(z.object({ photo_id: PhotoId, score: z.number() })),
  })
  .meta({
    id: 'DuplicateGroup',
    description: 'Photos that pairs connect, by falling similarity to the representative.',
  })

/** Pairs in memory; groups are made of all. */
const MAX_PAIRS = 100_000
const DEFAULT_THRESHOLD = 0.95
/** Photos that one request compares with each other, and with those that are shown. */
const MAX_COMPARED = 500
const MAX_SHOWN = 2000

const Threshold = z.number().min(0).max(1).optional().describe('Minimum cosine similarity. Default: 0.95.')

/** What the collection holds as a whole. */
export function addCollectionRoutes(app: HttpApp, { search, models }: HttpParts): void {
  app.get(
    '/models',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'models',
        summary: 'The models with embeddings',
        tags: ['collection'],
        response: { 200: z.object({ models: z.array(RegisteredModel) }), ...PROBLEMS },
      },
    },
    async () => ({
      models: (await models.models()).map(({ identity, photos, searched }) => ({
        model: modelKey(identity),
        revision: identity.revision,
        dimension: identity.dimension,
        photos: Number(photos),
        searched,
      })),
    }),
  )

  app.get(
    '/models/searched',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'searchedModel',
        summary: 'The model that answers a search',
        tags: ['collection'],
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: z.object({
            model: z.string(),
            dimension: z.int(),
            known: z.boolean().describe('Whether this server knows the model, so that it can embed pictures.'),
            texts: z.boolean().describe('Whether it can embed words here.'),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ query }) => {
      const { key, identity, spec } = await search.model(query.model)
      return { model: key, dimension: identity.dimension, known: spec !== null, texts: hasTextTower(spec) }
    },
  )

  const examples = new ExampleSearches(search)
  app.get(
    '/examples',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'examples',
        summary: 'Searches that do have good hits here',
        description: 'Chosen among some thirty. Kept for ten minutes.',
        tags: ['collection'],
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: z.object({
            model: z.string(),
            examples: z.array(
              z.object({
                words: z.string(),
                photos: z
                  .array(z.object({ photo_id: PhotoId, copy: CopyPath }))
                  .describe('The best hits, the best first.'),
              }),
            ),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ query }) => {
      const model = await search.model(query.model)
      const found = await examples.of(model)
      return {
        model: model.key,
        examples: found.map(({ words, photos }) => ({
          words,
          photos: photos.map(({ photoId, storedKey }) => ({ photo_id: photoId, copy: copyPath(storedKey) })),
        })),
      }
    },
  )

  app.get(
    '/duplicates',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'duplicates',
        summary: 'Near duplicates: pairs of photos that look the same to the model, and their groups',
        tags: ['collection'],
        querystring: z.strictObject({
          threshold: Threshold,
          method: z.enum(['exact', 'index']).optional(),
          limit: z.int().min(1).max(10_000).optional().describe('Most pairs, and most groups. Default: 1000.'),
          model: Model.optional(),
          ...FILTER_PARAMETERS,
        }),
        response: {
          200: z.object({
            model: z.string(),
            pairs_found: z.int(),
            groups_found: z.int(),
            pairs: z.array(Pair),
            groups: z.array(Group),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ query, cancelled: signal }) => {
      const { threshold = DEFAULT_THRESHOLD, method, limit = 1000 } = query
      const model = await search.model(query.model)
      const options = { threshold, method, maxPairs: MAX_PAIRS, ...conditionsOf(query) }
      const pairs = await search.duplicates(model, options, () => {}, signal)
      const groups = await search.duplicateGroups(model, pairs)
      return {
        model: model.key,
        pairs_found: pairs.length,
        groups_found: groups.length,
        pairs: pairs
          .slice(0, limit)
          .map(({ photoId, otherId, score }) => ({ photo_id: photoId, other_id: otherId, score })),
        groups: groups.slice(0, limit).map(({ representativeId, members }) => ({
          representative_id: representativeId,
          members: members.map(({ photoId, score }) => ({ photo_id: photoId, score })),
        })),
      }
    },
  )
  app.post(
    '/duplicates',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'collapseDuplicates',
        summary: 'Which photos of a list look the same as an earlier one',
        description:
          'For lists that show one photo of each group. A photo is compared with the `known` ones, which the list has shown before, and with those before it that are no duplicates. Unknown ids count for nothing.',
        tags: ['collection'],
        body: z.strictObject({
          photos: z.array(PhotoId).min(1).max(MAX_COMPARED).describe('In the order of the list.'),
          known: z.array(PhotoId).max(MAX_SHOWN).optional(),
          threshold: Threshold,
          model: Model.optional(),
        }),
        response: {
          200: z.object({
            model: z.string(),
            duplicates: z.array(
              z.object({
                photo_id: PhotoId,
                of: PhotoId.describe('The photo that stands for it, which is no duplicate itself.'),
                score: z.number(),
              }),
            ),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ body: { photos, known = [], threshold = DEFAULT_THRESHOLD, model: named } }) => {
      const model = await search.model(named)
      const found = await search.collapse(model, photos, known, threshold)
      return {
        model: model.key,
        duplicates: found.map(({ photoId, of, score }) => ({ photo_id: photoId, of, score })),
      }
    },
  )
}
