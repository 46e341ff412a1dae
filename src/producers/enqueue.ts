import type { PhotoFailureCode } from '../domain/errors.js'
import type { Photo, PhotoRef } from '../domain/photo.js'
import {
  BatchEnqueuer,
  type BatchOptions,
  type EnqueueCounts,
  type EnqueueDeps,
  throwIfAborted,
} from './batch-enqueuer.js'
import { type InputSummary, InputTally } from './input-tally.js'
import { type Selection, select } from './select.js'
import type { BadRow, Source } from './source.js'
import { applyUrlTemplate, checkUrlTemplate } from './url-template.js'

/** How often `onProgress` is called while nothing is enqueued. */
const ROWS_PER_REPORT = 10_000

export type EnqueueSummary = InputSummary & EnqueueCounts

interface InputOptions {
  selection?: Selection
  /** Given every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** The summary so far; the object is the same every time. */
  onProgress?: (soFar: Readonly<EnqueueSummary>) => void
}

export interface EnqueueOptions extends BatchOptions, InputOptions {
  /** Leaves out photos that are embedded, instead of batches that are. */
  onlyMissing?: boolean
}

/**
 * Enqueues the photos of an input. Ids of batches derive from their contents, and a batch is enqueued only if it holds a
 * photo that is neither embedded nor failed for good: the same input twice enqueues nothing new.
 * @throws AppError USAGE for a template that does not work; INTERRUPTED; what reading, the database and the queue throw
 */
export async function enqueue(source: Source, deps: EnqueueDeps, options: EnqueueOptions): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally(options.onBadRow)
  const enqueuer = new BatchEnqueuer(deps, options)
  const summary = () => Object.assign(tally.summary, enqueuer.counts)
  const onRow = reportingEvery(ROWS_PER_REPORT, tally.count, () => {
    throwIfAborted(options.signal)
    options.onProgress?.(summary())
  })
  const flush = async (photos: Photo[]) => {
    await deps.repository.upsertPhotos(photos)
    await enqueuer.add(photos.map(toRef), options.onlyMissing ?? false)
    options.onProgress?.(summary())
  }
  let round: Photo[] = []
  for await (const { photo } of select(source.rows(), options.selection ?? {}, onRow)) {
    tally.summary.photos++
    round.push(photo)
    if (round.length < enqueuer.roundSize) continue
    await flush(round)
    round = []
  }
  if (round.length > 0) await flush(round)
  await enqueuer.end()
  await deps.repository.finishEnqueue(options.runId)
  return summary()
}

/** What {@link enqueue} would read, without database and queue: every photo counts as enqueued. */
export async function dryRun(
  source: Source,
  options: InputOptions & Pick<BatchOptions, 'batchSize' | 'urlTemplate' | 'signal'>,
): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally(options.onBadRow)
  const summary = (): EnqueueSummary =>
    Object.assign(tally.summary, {
      enqueuedPhotos: tally.summary.photos,
      enqueuedBatches: Math.ceil(tally.summary.photos / options.batchSize),
      alreadyQueued: 0,
      alreadyEmbedded: 0,
      previouslyFailed: 0,
    })
  const onRow = reportingEvery(ROWS_PER_REPORT, tally.count, () => {
    throwIfAborted(options.signal)
    options.onProgress?.(summary())
  })
  for await (const { photo } of select(source.rows(), options.selection ?? {}, onRow)) {
    applyUrlTemplate(options.urlTemplate, { photoId: photo.photo_id, imageUrl: photo.photo_image_url })
    tally.summary.photos++
  }
  return summary()
}

interface StoredPhotosOptions extends BatchOptions, Pick<InputOptions, 'onProgress'> {
  /** At most so many photos. */
  limit?: number
}

/** Enqueues the photos of the database that have no embedding of this model, those that failed for good left out. */
export function enqueueMissing(deps: EnqueueDeps, options: StoredPhotosOptions): Promise<EnqueueSummary> {
  return enqueueStored(deps, options, new BatchEnqueuer(deps, options), size =>
    deps.repository.missingPhotos(options.modelId, size),
  )
}

/**
 * Enqueues photos that failed for good, and forgets that they did.
 * @param code of the failures; all of them when undefined
 */
export function enqueueFailed(
  deps: EnqueueDeps,
  code: PhotoFailureCode | undefined,
  options: StoredPhotosOptions,
): Promise<EnqueueSummary> {
  // The same photos may fail again, and be tried again: every time in batches of their own.
  const enqueuer = new BatchEnqueuer(deps, options, options.runId)
  return enqueueStored(
    deps,
    options,
    enqueuer,
    size => deps.repository.failedPhotos(options.modelId, code, size),
    // Before they are enqueued, lest a worker takes them for settled. A crash after this leaves them to `enqueueMissing`.
    ids => deps.repository.clearFailures(options.modelId, ids),
  )
}

async function enqueueStored(
  deps: EnqueueDeps,
  options: StoredPhotosOptions,
  enqueuer: BatchEnqueuer,
  pages: (pageSize: number) => AsyncIterable<PhotoRef[]>,
  prepare: (ids: string[]) => Promise<void> = async () => {},
): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally()
  const summary = () => Object.assign(tally.summary, enqueuer.counts)
  const { limit = Number.POSITIVE_INFINITY } = options
  for await (const whole of pages(enqueuer.roundSize)) {
    const page = whole.slice(0, limit - tally.summary.photos)
    if (page.length === 0) break
    throwIfAborted(options.signal)
    await prepare(page.map(photo => photo.id))
    tally.summary.rows += page.length
    tally.summary.photos += page.length
    await enqueuer.add(page, true)
    options.onProgress?.(summary())
  }
  await enqueuer.end()
  await deps.repository.finishEnqueue(options.runId)
  return summary()
}

function toRef(photo: Photo): PhotoRef {
  return { id: photo.photo_id, url: photo.photo_image_url }
}

function reportingEvery<T>(calls: number, act: (value: T) => void, report: () => void): (value: T) => void {
  let count = 0
  return value => {
    act(value)
    if (++count % calls === 0) report()
  }
}
