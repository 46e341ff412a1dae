import { z } from 'zod'
import { RequestError } from '../../domain/errors.js'
import { PHOTO_COLUMNS } from '../../domain/photo.js'
import { ROW_PROBLEMS, type RowProblemCode } from '../../producers/input/source.js'
import type { Submitted } from '../../producers/submission/submissions.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Model } from '../schemas/search.js'
import { BASE } from '../shown.js'

const MAX_PHOTOS = 1000
const MAX_TEXT = 10_000

const { photo_id: _, photo_image_url: __, ...COLUMNS } = PHOTO_COLUMNS
const Value = z.union([z.string().max(MAX_TEXT), z.number(), z.boolean(), z.null()])
const Metadata = z
  .strictObject(Object.fromEntries(Object.keys(COLUMNS).map(column => [column, Value.optional()])))
  .describe('Columns of the table `photos`. A value that does not fit its column is stored as null.')

const IngestBody = z
  .strictObject({
    photos: z
      .array(
        z.strictObject({
          url: z.string().min(1).max(8192).describe('Address of the image: http or https.'),
          id: PhotoId.optional().describe('Default: derived from the URL.'),
          metadata: Metadata.optional(),
        }),
      )
      .min(1)
      .max(MAX_PHOTOS),
    priority: z.enum(['high', 'normal', 'low']).optional(),
    model: Model.optional().describe('Default: the setting MODEL of the server.'),
  })
  .meta({ id: 'IngestRequest', description: `At most ${MAX_PHOTOS} photos.` })

const Accepted = z
  .object({
    run: z.string().describe('`GET /runs/{id}` shows its progress, as `Location` says.'),
    photos: z.int(),
    enqueued: z.int(),
    already_queued: z.int(),
    already_embedded: z.int(),
    previously_failed: z.int().describe('Failed for good in an earlier run.'),
    refused: z.array(
      z.object({
        index: z.int().describe('Position in the request, from 0.'),
        code: z.enum(Object.keys(ROW_PROBLEMS) as [RowProblemCode]),
        found: z.string(),
      }),
    ),
  })
  .meta({ id: 'IngestAccepted' })

/** Submitting photos. Workers fetch them, with the same guard as those of `ingest`. */
export function addIngestRoutes(app: HttpApp, { ingestion }: HttpParts): void {
  app.post(
    '/ingest',
    {
      config: { scope: 'ingest', largeJson: true },
      schema: {
        operationId: 'ingest',
        summary: 'Submit photos by their addresses',
        description:
          'Workers fetch, embed and label them. A request that is repeated within a day gets the same run and the same answer: one with the same `Idempotency-Key`, or without a key one with the same body. After 503 the same request goes on where it stopped. Photos that cannot be read are listed in `refused`.',
        tags: ['runs'],
        headers: z.looseObject({
          'idempotency-key': z
            .string()
            .regex(/^[\x21-\x7e]{1,200}$/)
            .optional()
            .describe('Identifies the request, such as a UUID.'),
        }),
        body: IngestBody,
        response: { 202: Accepted, ...PROBLEMS },
      },
    },
    async ({ body, headers, caller, cancelled }, reply) => {
      const { submissions, plan } = await ingestion()
      const { photos, priority = 'normal', model } = body
      const submitted = await submissions.submit(
        {
          photos,
          caller: caller.keyId ?? 'local',
          idempotencyKey: headers['idempotency-key'],
          description: `POST ${BASE}/ingest, ${photos.length} photos`,
        },
        { ...(await plan(model)), priority },
        cancelled,
      )
      if (submitted === null) throw conflict(headers['idempotency-key']!)
      return reply.code(202).header('location', `${BASE}/runs/${submitted.runId}`).send(shown(submitted))
    },
  )
}

function shown(submitted: Submitted): z.output<typeof Accepted> {
  const { runId, photos, enqueued, alreadyQueued, alreadyEmbedded, previouslyFailed, refused } = submitted
  return {
    run: runId,
    photos,
    enqueued,
    already_queued: alreadyQueued,
    already_embedded: alreadyEmbedded,
    previously_failed: previouslyFailed,
    refused,
  }
}

function conflict(key: string): RequestError {
  return new RequestError('IDEMPOTENCY_CONFLICT', 'Another request had this Idempotency-Key within the last day.', {
    field: 'headers.idempotency-key',
    expected: 'a new key for a new request',
    found: key,
    action: 'Choose a new key, or send the body of the first request.',
  })
}
