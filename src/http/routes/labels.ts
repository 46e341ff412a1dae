import { Readable } from 'node:stream'
import { z } from 'zod'
import type { LabelSet as LabelledBy } from '../../domain/labels.js'
import type { LabelledPhoto } from '../../domain/ports/repository.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { overloaded } from '../plugins/admission.js'
import { LabelPrecision, OneSet } from '../schemas/label.js'
import { CopyPath, PhotoId, PhotoMetadata } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Model } from '../schemas/search.js'
import { copyPath, type Shown, shownTo } from '../shown.js'

const MAX_SAMPLE = 100
/** A stream lasts as long as its client reads, so it takes no place of the requests in work. */
const MAX_STREAMS = 4

const LabelTraining = z
  .object({
    kind: z
      .enum(['taught', 'classified'])
      .describe('From photos with and without a label, or from the values of a column.'),
    examples: z.record(z.string(), z.int()).describe('Photos that it was trained with, by label.'),
    precision: z.number().nullish().describe('Of predictions for examples that were held out in turn.'),
    recall: z.number().nullish(),
    accuracy: z.number().nullish(),
    column: z.string().optional().describe('The column of a classified set, with its bounds.'),
  })
  .meta({ id: 'LabelTraining' })
const Clustering = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .meta({ id: 'Clustering', description: 'How clusters were found: `method`, its numbers, and measures of quality.' })
const LabelSet = z
  .object({
    name: z.string(),
    template: z.string().describe('Of the prompts; of a trained set and of clusters `{label}`, which means nothing.'),
    labels: z.array(z.string()),
    training: LabelTraining.nullable().describe('How a trained set was trained; null: it was not.'),
    clustering: Clustering.nullable().describe('How the clusters were found; null: the set has none.'),
  })
  .meta({ id: 'LabelSet' })
const LabelledLine = z
  .object({ photo_id: PhotoId, label: z.string(), score: z.number(), photo: PhotoMetadata })
  .meta({ id: 'LabelledPhoto' })

const asAnswered = (set: LabelledBy) => ({ ...set, training: set.training ?? null, clustering: set.clustering ?? null })

/** Label sets: what was predicted, how often, and for which photos. */
export function addLabelRoutes(app: HttpApp, { search }: HttpParts): void {
  let streams = 0

  app.get(
    '/label-sets',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'labelSets',
        summary: 'The label sets that were predicted',
        tags: ['labels'],
        querystring: z.strictObject({ model: Model.optional() }),
        response: { 200: z.object({ model: z.string(), label_sets: z.array(LabelSet) }), ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const model = await search.model(query.model)
      return { model: model.key, label_sets: (await search.labelSets(model)).map(asAnswered) }
    },
  )

  app.get(
    '/label-sets/:name',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'labelSet',
        summary: 'A label set: photos per label, its measured precision, and photos of each',
        tags: ['labels'],
        params: OneSet,
        querystring: z.strictObject({
          model: Model.optional(),
          sample: z.int().min(0).max(MAX_SAMPLE).optional().describe('Photos per label. Default: 0.'),
          seed: z
            .int()
            .min(0)
            .max(2 ** 31 - 1)
            .optional()
            .describe('The same seed gives the same photos. Default: 0.'),
          order: z
            .enum(['random', 'doubtful', 'typical'])
            .optional()
            .describe(
              '`doubtful`: photos that nobody has marked, the smallest margin first: that between the score of the label and the next highest one. `typical`: the highest scores first. Default: random.',
            ),
        }),
        response: {
          200: z.object({
            model: z.string(),
            label_set: LabelSet,
            equal: z.array(z.string()).describe('Labels that the model cannot tell apart.'),
            histogram: z.array(
              z.object({
                label: z.string(),
                photos: z.int(),
                precision: LabelPrecision.nullable().describe('Null: nobody has checked a photo of the label.'),
              }),
            ),
            sample: z.array(
              z.object({
                photo_id: PhotoId,
                label: z.string(),
                score: z.number(),
                copy: CopyPath,
                description: z.string().nullable().describe('Title or description of the photo.'),
                mark: z.boolean().nullable().describe('Whether the label was marked as right; null: nobody marked it.'),
              }),
            ),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ params, query }) => {
      const { sample: size = 0, seed = 0, order = 'random' } = query
      const model = await search.model(query.model)
      const { set, equal, counts } = await search.labels(model, params.name, { size: 0, seed })
      const precisions = await search.labelPrecisions(model, params.name)
      const sample = await search.labelReview(model, params.name, {
        size,
        order: order === 'random' ? seed : order,
      })
      return {
        model: model.key,
        label_set: asAnswered(set),
        equal,
        histogram: counts.map(({ label, photos }) => ({ label, photos, precision: precisions.get(label) ?? null })),
        sample: sample.map(({ photoId, label, score, storedKey, description, mark }) => ({
          ...{ photo_id: photoId, label, score, description, mark },
          copy: copyPath(storedKey),
        })),
      }
    },
  )

  app.get(
    '/label-sets/:name/photos',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'labelledPhotos',
        summary: 'Every photo with a label of the set, as a stream',
        description: 'One JSON object per line, by id.',
        tags: ['labels'],
        params: OneSet,
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: { description: 'A line per photo.', content: { 'application/x-ndjson': { schema: LabelledLine } } },
          ...PROBLEMS,
        },
      },
    },
    async ({ params, query, method, caller }, reply) => {
      if (streams >= MAX_STREAMS) throw overloaded(`${MAX_STREAMS} clients read all labelled photos already`)
      const model = await search.model(query.model)
      await search.labels(model, params.name, { size: 0, seed: 0 })
      reply.type('application/x-ndjson')
      // Fastify reads to its end what it does not send for HEAD.
      if (method === 'HEAD') return Readable.from([]) as never
      // The schema is that of a line; streams are sent as they are. The reply itself would keep its place to the end.
      return Readable.from(lines(search.labelledPhotos(model, params.name), shownTo(caller))) as never
    },
  )

  async function* lines(pages: AsyncIterable<LabelledPhoto[]>, shown: Shown): AsyncGenerator<string> {
    streams++
    try {
      for await (const page of pages)
        yield page
          .map(({ photo, label, score }) => {
            const line = { photo_id: photo.photo_id, label, score, photo: shown.metadata(photo) }
            return `${JSON.stringify(line)}\n`
          })
          .join('')
    } finally {
      streams--
    }
  }
}
