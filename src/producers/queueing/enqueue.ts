import type { PhotoFailureCode } from '../../domain/errors.js'
import type { Photo, PhotoRef } from '../../domain/photo.js'
import type { UnfinishedBatch } from '../../domain/ports/run-repository.js'
import type { BadRow, PhotoRow, Source } from '../input/source.js'
import { IdSet } from '../selection/id-set.js'
import { type Selection, select } from '../selection/select.js'
import {
  BATCHES_PER_ROUND,
  BatchEnqueuer,
  type BatchOptions,
  type EnqueueCounts,
  type EnqueueDeps,
} from './batch-enqueuer.js'
import { InputTally, type RowCounts } from './input-tally.js'
import { RetryingProxy } from './retrying-proxy.js'
import { applyUrlTemplate, checkUrlTemplate } from './url-template.js'
import { throwIfStopped } from './wait-reason.js'

/** Interval of `onProgress` while nothing is enqueued. */
const ROWS_PER_REPORT = 10_000

/** `photos`: selected by `where`, `sample` and `limit`. */
export type EnqueueSummary = RowCounts & { photos: number } & EnqueueCounts

interface InputOptions {
  selection?: Selection
  /** Receives every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** Receives the summary so far, the same object every time. */
  onProgress?: (soFar: Readonly<EnqueueSummary>) => void
}

export interface EnqueueOptions extends BatchOptions, InputOptions {
  /** Skips embedded photos instead of settled batches. */
  onlyMissing?: boolean
}

/**
 * Enqueues the photos of an input. Batch ids derive from the contents, and a batch is enqueued only if it holds an
 * unsettled photo: the same input twice enqueues nothing new. Waits while the queue is full, the run is paused, or
 * the database or the queue is away.
 * @throws AppError USAGE for an unusable template; RUN_CANCELLED; INTERRUPTED; errors of the input, the database and
 * the queue
 */
export async function enqueue(source: Source, given: EnqueueDeps, options: EnqueueOptions): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const deps = patientDeps(given, options)
  const tally = new InputTally({ photos: 0 }, options.onBadRow)
  const enqueuer = new BatchEnqueuer(deps, options)
  const summary = () => Object.assign(tally.summary, enqueuer.counts)
  const onRow = reportingEvery(ROWS_PER_REPORT, tally.count, () => {
    throwIfStopped(options.signal)
    options.onProgress?.(summary())
  })
  const rounds = new Rounds(
    async rows => {
      const refused = await deps.repository.upsertPhotos(rows.map(row => row.photo))
      for (const { index, reason } of refused) tally.refuse(rows[index]!, reason)
      tally.summary.photos -= refused.length
      const lost = new Set(refused.map(row => row.index))
      return rows.filter((_, i) => !lost.has(i)).map(row => row.photo)
    },
    async photos => {
      await enqueuer.add(photos.map(toRef), options.onlyMissing ?? false)
      options.onProgress?.(summary())
    },
  )
  try {
    let round: PhotoRow[] = []
    for await (const row of select(source.rows(), options.selection ?? {}, onRow)) {
      tally.summary.photos++
      round.push(row)
      if (round.length < enqueuer.roundSize) continue
      await rounds.push(round)
      round = []
    }
    if (round.length > 0) await rounds.push(round)
  } finally {
    await rounds.end()
  }
  await enqueuer.end()
  await deps.repository.finishEnqueue(options.runId)
  return summary()
}

/**
 * Stores one round of photos while it enqueues the one before and reads the next: 18,700 instead of 14,100 rows per
 * second into Postgres and Redis, with cores to spare. At most two rounds are under way.
 */
class Rounds {
  private enqueued: Promise<void> = Promise.resolve()
  private stored: Promise<void> = Promise.resolve()

  constructor(
    /** Resolves to the photos that were stored. */
    private readonly store: (rows: PhotoRow[]) => Promise<Photo[]>,
    private readonly enqueue: (photos: Photo[]) => Promise<void>,
  ) {}

  async push(rows: PhotoRow[]): Promise<void> {
    const stored = this.store(rows)
    this.stored = stored.then(
      () => {},
      () => {},
    )
    await this.enqueued
    this.enqueued = stored.then(photos => this.enqueue(photos))
    // The next call throws the error; until then nothing listens to it.
    this.enqueued.catch(() => {})
  }

  /** Waits for the round under way. Rejects with the error of the last one. */
  async end(): Promise<void> {
    await this.stored
    await this.enqueued
  }
}

/** Reads as {@link enqueue} does, without database and queue: every photo counts as enqueued. */
export async function dryRun(
  source: Source,
  options: InputOptions & Pick<BatchOptions, 'photosPerJob' | 'urlTemplate' | 'signal'>,
): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally({ photos: 0 }, options.onBadRow)
  const summary = (): EnqueueSummary =>
    Object.assign(tally.summary, {
      enqueuedPhotos: tally.summary.photos,
      enqueuedBatches: Math.ceil(tally.summary.photos / options.photosPerJob),
      alreadyQueued: 0,
      alreadyEmbedded: 0,
      previouslyFailed: 0,
    })
  const onRow = reportingEvery(ROWS_PER_REPORT, tally.count, () => {
    throwIfStopped(options.signal)
    options.onProgress?.(summary())
  })
  for await (const { photo } of select(source.rows(), options.selection ?? {}, onRow)) {
    applyUrlTemplate(options.urlTemplate, { photoId: photo.photo_id, imageUrl: photo.photo_image_url })
    tally.summary.photos++
  }
  return summary()
}

interface StoredPhotosOptions extends BatchOptions, Pick<InputOptions, 'onProgress'> {
  /** Maximum number of photos. */
  limit?: number
}

/**
 * Enqueues the photos of the database without an embedding of this model, except those that failed permanently.
 * Unfinished recorded batches come first and unchanged, so that their runs finish even when the queue lost them.
 */
export function enqueueMissing(given: EnqueueDeps, options: StoredPhotosOptions): Promise<EnqueueSummary> {
  const deps = patientDeps(given, options)
  const { modelId } = options
  const enqueuer = new BatchEnqueuer(deps, options)
  const inBatches = new IdSet()
  return enqueueStored(deps, options, enqueuer, async function* (left) {
    for await (const page of deps.runs.unfinished({ modelId }, BATCHES_PER_ROUND)) {
      const batches: UnfinishedBatch[] = []
      let taken = 0
      for (const batch of page) {
        if (taken + batch.photos.length > left()) continue
        taken += batch.photos.length
        batches.push(batch)
        for (const { id } of batch.photos) inBatches.add(id)
      }
      if (taken > 0) yield { taken, add: () => enqueuer.addRecorded(batches) }
    }
    for await (const page of deps.repository.missingPhotos(modelId, enqueuer.roundSize)) {
      const photos = page.filter(photo => inBatches.add(photo.id)).slice(0, left())
      if (photos.length > 0) yield { taken: photos.length, add: () => enqueuer.add(photos, true) }
      if (left() === 0) return
    }
  })
}

/**
 * Enqueues permanently failed photos and deletes their failures.
 * @param code of the failures; undefined: all
 */
export function enqueueFailed(
  given: EnqueueDeps,
  code: PhotoFailureCode | undefined,
  options: StoredPhotosOptions,
): Promise<EnqueueSummary> {
  const deps = patientDeps(given, options)
  const { modelId } = options
  // The same photos may fail and be retried again: in new batches each time.
  const enqueuer = new BatchEnqueuer(deps, options, options.runId)
  return enqueueStored(deps, options, enqueuer, async function* (left) {
    for await (const page of deps.repository.failedPhotos(modelId, code, enqueuer.roundSize)) {
      const photos = page.slice(0, left())
      const add = async () => {
        // Before enqueueing, since a worker would otherwise skip them as settled. After a crash here,
        // `enqueueMissing` finds them.
        await deps.repository.clearFailures(
          modelId,
          photos.map(photo => photo.id),
        )
        await enqueuer.add(photos, true)
      }
      if (photos.length > 0) yield { taken: photos.length, add }
      if (left() === 0) return
    }
  })
}

/**
 * Enqueues the unfinished recorded batches of a run that the queue lost, for instance because Redis was flushed.
 * @returns number of added batches
 */
export async function enqueueLost(given: EnqueueDeps, options: BatchOptions): Promise<number> {
  const deps = patientDeps(given, options)
  const enqueuer = new BatchEnqueuer(deps, options)
  for await (const page of deps.runs.unfinished({ runId: options.runId }, BATCHES_PER_ROUND))
    await enqueuer.addRecorded(page)
  return enqueuer.counts.enqueuedBatches
}

interface Round {
  /** Number of photos in the round. */
  taken: number
  add: () => Promise<void>
}

/** @param rounds receives the number of photos that may still be taken */
async function enqueueStored(
  deps: EnqueueDeps,
  options: StoredPhotosOptions,
  enqueuer: BatchEnqueuer,
  rounds: (left: () => number) => AsyncIterable<Round>,
): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally({ photos: 0 })
  const summary = () => Object.assign(tally.summary, enqueuer.counts)
  const { limit = Number.POSITIVE_INFINITY } = options
  for await (const { taken, add } of rounds(() => limit - tally.summary.photos)) {
    throwIfStopped(options.signal)
    tally.summary.rows += taken
    tally.summary.photos += taken
    await add()
    options.onProgress?.(summary())
  }
  await enqueuer.end()
  await deps.repository.finishEnqueue(options.runId)
  return summary()
}

function patientDeps(deps: EnqueueDeps, { signal, onWait = () => {} }: BatchOptions): EnqueueDeps {
  const retrying = new RetryingProxy({ signal, onWait })
  return {
    repository: retrying.wrap(deps.repository, 'database'),
    runs: retrying.wrap(deps.runs, 'database'),
    queue: retrying.wrap(deps.queue, 'queue'),
  }
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
