import { z } from 'zod'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { LabelPrecision, OneSet } from '../schemas/label.js'
import { PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Model } from '../schemas/search.js'

const MAX_MARKS = 1000

const Mark = z
  .strictObject({
    photo_id: PhotoId,
    label: z
      .string()
      .min(1)
      .max(2000)
      // No text in Postgres holds NUL, and no label a control character.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant
      .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'expected a label without control characters')
      .describe('The predicted label of the photo.'),
    correct: z.boolean().nullable().describe('Whether the label is right; null: takes back an earlier mark.'),
    at_random: z
      .boolean()
      .optional()
      .describe('Whether the photo was drawn at random: only such marks measure the precision. Default: true.'),
  })
  .meta({ id: 'LabelMark' })

/** What people say about predicted labels. */
export function addLabelMarkRoutes(app: HttpApp, { search }: HttpParts): void {
  app.put(
    '/label-sets/:name/marks',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'markLabels',
        summary: 'Mark labels of photos as right or wrong',
        description:
          'Repeating it changes nothing. Marks of photos that do not have the label are not stored and listed in the answer. Marks measure the current definition of a set: a changed one starts from none.',
        tags: ['labels'],
        params: OneSet,
        querystring: z.strictObject({ model: Model.optional() }),
        body: z
          .strictObject({ marks: z.array(Mark).min(1).max(MAX_MARKS) })
          .meta({ id: 'LabelMarksRequest', description: `At most ${MAX_MARKS} marks.` }),
        response: {
          200: z.object({
            model: z.string(),
            ignored: z.array(z.object({ photo_id: PhotoId, label: z.string() })),
            precisions: z
              .array(z.object({ label: z.string(), precision: LabelPrecision.nullable() }))
              .describe('Of all labels, in the order of the set; null: no photo was checked.'),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ params: { name }, query, body }) => {
      const model = await search.model(query.model)
      const { set } = await search.labels(model, name, { size: 0, seed: 0 })
      const marks = body.marks.map(({ photo_id, label, correct, at_random: atRandom = true }) => ({
        photoId: photo_id,
        label,
        correct,
        atRandom,
      }))
      const ignored = await search.markLabels(model, name, marks)
      const precisions = await search.labelPrecisions(model, name)
      return {
        model: model.key,
        ignored: ignored.map(({ photoId, label }) => ({ photo_id: photoId, label })),
        precisions: set.labels.map(label => ({ label, precision: precisions.get(label) ?? null })),
      }
    },
  )
}
