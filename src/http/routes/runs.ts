import { z } from 'zod'
import { explainFailure, RequestError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import type { SeenWorker } from '../../domain/ports/run-repository.js'
import { viewRun, viewWorkers } from '../../producers/runs/run-view.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { FailureCode, OneRun, Run, runNotFound, shownRun } from '../schemas/run.js'
import { linkNext } from './search.js'

const FailuresOfCode = z
  .object({
    code: z.string(),
    help: z.string().describe('What the code means.'),
    photos: z.int(),
    example: z.object({ photo_id: PhotoId, url: z.string().nullable(), message: z.string() }),
  })
  .meta({ id: 'FailuresOfCode' })

const FailedPhoto = z
  .object({
    photo_id: PhotoId,
    code: z.string(),
    message: z.string(),
    attempts: z.int().nullable().describe('Null: of a photo that keeps the embedding of an earlier version.'),
    url: z.string().describe('Address of the image.'),
  })
  .meta({ id: 'FailedPhoto' })

const MAX_FAILURES = 500

const Worker = z
  .object({
    id: z.string(),
    host: z.string(),
    pid: z.int(),
    model: z.string(),
    started_at: z.iso.datetime(),
    seen_at: z.iso.datetime(),
    embedded: z.int(),
    failed: z.int(),
    photos_per_second: z.number(),
    in_flight: z.int(),
    trouble: z.string().nullable().describe('What blocks it; null: nothing.'),
  })
  .meta({ id: 'Worker' })

/** Runs, workers and the queue: what `status`, `run list` and `run show` show. */
export function addRunRoutes(app: HttpApp, { ingest, runs, queue }: HttpParts): void {
  app.get(
    '/runs',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'runs',
        summary: 'The newest runs',
        tags: ['runs'],
        querystring: z.strictObject({ limit: z.int().min(1).max(1000).optional().describe('Default: 50.') }),
        response: { 200: z.object({ runs: z.array(Run) }), ...PROBLEMS },
      },
    },
    async ({ query: { limit = 50 } }) => {
      const workers = await runs.workers()
      const found = await ingest.runs(limit, { withEmpty: false })
      return { runs: found.map(run => shownRun(viewRun(run, workers))) }
    },
  )

  app.get(
    '/runs/:id',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'run',
        summary: 'A run, with its failures by code',
        tags: ['runs'],
        params: OneRun,
        response: {
          200: z.object({
            run: Run,
            failures: z.array(FailuresOfCode),
            given_up: z.array(z.object({ code: z.string(), batches: z.int(), photos: z.int(), message: z.string() })),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ params: { id } }) => {
      const run = await ingest.run(id)
      if (run === null) throw runNotFound(id)
      const failures = await runs.failuresOfRun(id)
      return {
        run: shownRun(viewRun(run, await runs.workers())),
        failures: failures.map(({ code, photos, photoId, url = null, message }) => ({
          code,
          help: explainFailure(code),
          photos: Number(photos),
          example: { photo_id: photoId, url, message },
        })),
        given_up: (await runs.givenUpOfRun(id)).map(({ code, batches, photos, message }) => ({
          code,
          batches: Number(batches),
          photos: Number(photos),
          message,
        })),
      }
    },
  )

  app.get(
    '/runs/:id/failures',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'failuresOfRun',
        summary: 'The failed photos of a run, page by page',
        tags: ['runs'],
        params: OneRun,
        querystring: z.strictObject({
          code: FailureCode.optional().describe('Only failures with this code.'),
          limit: z.int().min(1).max(MAX_FAILURES).optional().describe('Photos per page. Default: 50.'),
          cursor: z
            .string()
            .max(100)
            .regex(/^[A-Za-z0-9_-]+$/)
            .optional()
            .describe('`next` of the page before.'),
        }),
        response: { 200: z.object({ failures: z.array(FailedPhoto), next: z.string().nullable() }), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { code, limit = 50, cursor } = request.query
      if ((await ingest.run(id)) === null) throw runNotFound(id)
      const after = cursor === undefined ? undefined : photoOf(cursor)
      const found = await runs.failedPhotosOfRun(id, { code, after, limit })
      const next = found.length < limit ? null : Buffer.from(found.at(-1)!.photoId).toString('base64url')
      linkNext(request, reply, next)
      return {
        failures: found.map(({ photoId, ...failure }) => ({ photo_id: photoId, ...failure })),
        next,
      }
    },
  )

  app.get(
    '/workers',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'workers',
        summary: 'The live workers',
        tags: ['runs'],
        response: {
          200: z.object({ photos_per_second: z.number(), in_flight: z.int(), workers: z.array(Worker) }),
          ...PROBLEMS,
        },
      },
    },
    async () => {
      const { photosPerSecond, inFlight, workers } = viewWorkers(await runs.workers())
      return { photos_per_second: photosPerSecond, in_flight: inFlight, workers: workers.map(shownWorker) }
    },
  )

  app.get(
    '/queue',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'queue',
        summary: 'Batches in the queue',
        tags: ['runs'],
        response: {
          200: z.object({
            depth: z.int().describe('All that are not done: waiting, delayed and active.'),
            waiting: z.int().describe('Ready for a worker.'),
            active: z.int().describe('In work.'),
            delayed: z.int().describe('Tried again later.'),
            failed: z.int().describe('Given up.'),
          }),
          ...PROBLEMS,
        },
      },
    },
    async () => {
      const { waiting, active, delayed, failed } = await (await queue()).counts()
      return { depth: waiting + delayed + active, waiting, active, delayed, failed }
    },
  )
}

function photoOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString()
  if (PHOTO_ID_PATTERN.test(id)) return id
  throw new RequestError('REQUEST_UNPROCESSABLE', 'The cursor belongs to no page of failures.', {
    field: 'query.cursor',
    expected: '`next` of the page before',
    found: cursor,
  })
}

function shownWorker(worker: SeenWorker): z.output<typeof Worker> {
  return {
    id: worker.id,
    host: worker.host,
    pid: worker.pid,
    model: worker.model,
    started_at: worker.startedAt.toISOString(),
    seen_at: worker.seenAt.toISOString(),
    embedded: worker.embedded,
    failed: worker.failed,
    photos_per_second: worker.photosPerSecond,
    in_flight: Object.values(worker.inHand).reduce((sum, photos) => sum + photos, 0),
    trouble: worker.trouble,
  }
}
