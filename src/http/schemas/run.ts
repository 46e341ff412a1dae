import { z } from 'zod'
import { PHOTO_FAILURES, RequestError } from '../../domain/errors.js'
import type { RunView } from '../../producers/runs/run-view.js'

export const RunId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
/** Names of failures: those of the table, and `HTTP_` with a status. */
export const FailureCode = z.string().regex(new RegExp(`^(HTTP_\\d{3}|${Object.keys(PHOTO_FAILURES).join('|')})$`))

export const OneRun = z.strictObject({ id: RunId })

export const Run = z
  .object({
    id: z.string(),
    state: z.enum(['enqueuing', 'interrupted', 'running', 'waiting for workers', 'paused', 'cancelled', 'done']),
    model: z.string(),
    source: z.string().describe('Input of the run.'),
    priority: z.enum(['high', 'normal', 'low']),
    created_at: z.iso.datetime(),
    enqueued_at: z.iso.datetime().nullable().describe('Null: its producer is still adding photos.'),
    photos: z.int(),
    done: z.int(),
    failed: z.int(),
    left: z.int().describe('Photos neither done nor failed.'),
    in_flight: z.int().describe('Photos that workers hold.'),
    waiting: z.int().describe('Photos in the queue.'),
    parked: z.int().describe('Photos that wait for a paused run.'),
    given_up: z.int().describe('Photos of batches that the queue gave up.'),
    photos_per_second: z.number(),
    eta_seconds: z.number().nullable().describe('Time to the end; null: unknown.'),
  })
  .meta({ id: 'Run' })

export function shownRun(run: RunView): z.output<typeof Run> {
  return {
    id: run.id,
    state: run.state,
    model: run.modelKey,
    source: run.source,
    priority: run.priority,
    created_at: run.createdAt.toISOString(),
    enqueued_at: run.enqueuedAt?.toISOString() ?? null,
    photos: run.photos,
    done: run.done,
    failed: run.failed,
    left: run.left,
    in_flight: run.inFlight,
    waiting: run.waiting,
    parked: run.parkedPhotos,
    given_up: run.givenUpPhotos,
    photos_per_second: run.photosPerSecond,
    eta_seconds: run.etaSeconds,
  }
}

export function runNotFound(id: string): RequestError {
  return new RequestError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(id)}.`, {
    field: 'params.id',
    action: 'GET /api/v1/runs lists the newest.',
  })
}
