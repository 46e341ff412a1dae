import type { PhotoFailureCode } from '../domain/errors.js'
import type { Photo, PhotoRef } from '../domain/photo.js'
import type { UnfinishedBatch } from '../domain/ports/run-repository.js'
import {
  BATCHES_PER_ROUND,
  BatchEnqueuer,
  type BatchOptions,
  type EnqueueCounts,
  type EnqueueDeps,
} from './batch-enqueuer.js'
import { throwIfStopped } from './hold.js'
import { IdSet } from './id-set.js'
import { InputTally, type RowCounts } from './input-tally.js'
import { Patience } from './patience.js'
import { type Selection, select } from './select.js'
import type { BadRow, Source } from './source.js'
import { applyUrlTemplate, checkUrlTemplate } from './url-template.js'

/** How often `onProgress` is called while nothing is enqueued. */
const ROWS_PER_REPORT = 10_000

/** `photos`: those chosen by `where`, `sample` and `limit`. */
export type EnqueueSummary = RowCounts & { photos: number } & EnqueueCounts

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
 * photo that is neither embedded nor failed for good: the same input twice enqueues nothing new. Waits while the queue is
 * full, the run is paused, or the database or the queue is away.
 * @throws AppError USAGE for a template that does not work; RUN_CANCELLED; INTERRUPTED; what reading, the database and the
 * queue throw
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
    photos => deps.repository.upsertPhotos(photos),
    async photos => {
      await enqueuer.add(photos.map(toRef), options.onlyMissing ?? false)
      options.onProgress?.(summary())
    },
  )
  try {
    let round: Photo[] = []
    for await (const { photo } of select(source.rows(), options.selection ?? {}, onRow)) {
      tally.summary.photos++
      round.push(photo)
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
 * A round of photos is stored while the one before is enqueued and the next one is read: 18,700 rows a second into Postgres
 * and Redis instead of 14,100 where there are cores to spare. Never more than two rounds are under way.
 */
class Rounds {
  private enqueued: Promise<void> = Promise.resolve()
  private stored: Promise<void> = Promise.resolve()

  constructor(
    private readonly store: (photos: Photo[]) => Promise<void>,
    private readonly enqueue: (photos: Photo[]) => Promise<void>,
  ) {}

  async push(photos: Photo[]): Promise<void> {
    const stored = this.store(photos)
    this.stored = stored.catch(() => {})
    await this.enqueued
    this.enqueued = stored.then(() => this.enqueue(photos))
    // It is told by the next call; until then nobody listens.
    this.enqueued.catch(() => {})
  }

  /** Waits for what is under way. Rejects with what the last round rejected with. */
  async end(): Promise<void> {
    await this.stored
    await this.enqueued
  }
}

/** What {@link enqueue} would read, without database and queue: every photo counts as enqueued. */
export async function dryRun(
  source: Source,
  options: InputOptions & Pick<BatchOptions, 'batchSize' | 'urlTemplate' | 'signal'>,
): Promise<EnqueueSummary> {
  checkUrlTemplate(options.urlTemplate)
  const tally = new InputTally({ photos: 0 }, options.onBadRow)
  const summary = (): EnqueueSummary =>
    Object.assign(tally.summary, {
      enqueuedPhotos: tally.summary.photos,
      enqueuedBatches: Math.ceil(tally.summary.photos / options.batchSize),
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
  /** At most so many photos. */
  limit?: number
}

/**
 * Enqueues the photos of the database that have no embedding of this model, those that failed for good left out. What was
 * recorded and not finished comes first, in its old batches: so the runs that these belong to come to their end, too, when
 * the queue has lost them.
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
 * Enqueues photos that failed for good, and forgets that they did.
 * @param code of the failures; all of them when undefined
 */
export function enqueueFailed(
  given: EnqueueDeps,
  code: PhotoFailureCode | undefined,
  options: StoredPhotosOptions,
): Promise<EnqueueSummary> {
  const deps = patientDeps(given, options)
  const { modelId } = options
  // The same photos may fail again, and be tried again: every time in batches of their own.
  const enqueuer = new BatchEnqueuer(deps, options, options.runId)
  return enqueueStored(deps, options, enqueuer, async function* (left) {
    for await (const page of deps.repository.failedPhotos(modelId, code, enqueuer.roundSize)) {
      const photos = page.slice(0, left())
      const add = async () => {
        // Before they are enqueued, lest a worker takes them for settled. A crash after this leaves them to `enqueueMissing`.
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
 * Enqueues what is recorded of a run, not finished and not in the queue, for instance because Redis was flushed.
 * @returns how many batches were added
 */
export async function enqueueLost(given: EnqueueDeps, options: BatchOptions): Promise<number> {
  const deps = patientDeps(given, options)
  const enqueuer = new BatchEnqueuer(deps, options)
  for await (const page of deps.runs.unfinished({ runId: options.runId }, BATCHES_PER_ROUND))
    await enqueuer.addRecorded(page)
  return enqueuer.counts.enqueuedBatches
}

interface Round {
  /** Photos in it. */
  taken: number
  add: () => Promise<void>
}

/** @param rounds given how many photos may still be taken */
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

function patientDeps(deps: EnqueueDeps, { signal, onHold = () => {} }: BatchOptions): EnqueueDeps {
  const patience = new Patience({ signal, onHold })
  return {
    repository: patience.with(deps.repository, 'database'),
    runs: patience.with(deps.runs, 'database'),
    queue: patience.with(deps.queue, 'queue'),
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
