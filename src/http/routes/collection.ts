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
import { Facet, Model, Words } from '../schemas/search.js'
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
    '/facets',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'facets',
        summary: 'Histograms of labels and metadata',
        description: 'Of the photos nearest to words, or of all photos that fulfil the conditions.',
        tags: ['collection'],
        querystring: z.strictObject({
          q: Words.optional(),
          by: z
            .array(z.string().min(1).max(100))
            .max(50)
            .optional()
            .describe('Label sets, `country`, `year`, …; repeatable. Default: all sets and the usual metadata.'),
          n: z.int().min(1).max(100_000).optional().describe('With `q`: number of nearest photos. Default: 1000.'),
          top: z.int().min(1).max(1000).optional().describe('Values per facet. Default: 10.'),
          min_score: z.number().min(-1).max(1).optional(),
          model: Model.optional(),
          ...FILTER_PARAMETERS,
        }),
        response: { 200: z.object({ model: z.string(), facets: z.array(Facet) }), ...PROBLEMS },
      },
    },
    async ({ query, cancelled: signal }) => {
      const { q: words, by: names, n, top, min_score: minScore } = query
      const model = await search.model(query.model)
      const request = { words, names, n, top, minScore, ...conditionsOf(query) }
      return { model: model.key, facets: await search.facets(model, request, signal) }
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
          threshold: z.number().min(0).max(1).optional().describe('Minimum cosine similarity. Default: 0.95.'),
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
      const { threshold = 0.95, method, limit = 1000 } = query
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
}
