import type { PhotoFailureCode } from '../../domain/errors.js'
import type { Photo, PhotoRef, StoredPhotoRef } from '../../domain/photo.js'
import { applyUrlTemplate, checkUrlTemplate, holdsSecret } from '../../domain/places/url-template.js'
import type { UnfinishedBatch } from '../../domain/ports/run-repository.js'
import type { BadRow, PhotoRow, Source, SourceRow } from '../input/source.js'
import type { SkippedFiles } from '../places/choose-files.js'
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
import { throwIfStopped } from './wait-reason.js'

/** Interval of `onProgress` while nothing is enqueued. */
const ROWS_PER_REPORT = 10_000

/** `photos`: selected by `where`, `sample` and `limit`. `copies`: files with the content of one of these photos. */
export type EnqueueSummary = RowCounts & { photos: number; copies: number; skippedFiles?: SkippedFiles } & EnqueueCounts

interface InputOptions {
  selection?: Selection
  /** Receives every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** Receives the path of every file of the input, or the id of every photo, selected or not. */
  onSeen?: (pathOrId: string) => void
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
  checkTemplate(options)
  const deps = patientDeps(given, options)
  const template = await templateToRemember(deps, options)
  const tally = new InputTally({ photos: 0, copies: 0 }, options.onBadRow)
  // The same photos are refreshed again and again: in new batches each time.
  const enqueuer = new BatchEnqueuer(deps, options, options.kind === 'refresh' ? options.runId : '')
  const summary = () => Object.assign(tally.summary, enqueuer.counts, { skippedFiles: source.skipped })
  const look = (row: SourceRow) => {
    tally.count(row)
    const name = row.path ?? row.photo?.photo_id
    if (name !== undefined) options.onSeen?.(name)
  }
  const onRow = reportingEvery(ROWS_PER_REPORT, look, () => {
    throwIfStopped(options.signal)
    options.onProgress?.(summary())
  })
  const rounds = new Rounds(
    async rows => {
      const lost = new Set<PhotoRow>()
      for (const { row, reason } of await storeRows(rows, deps, options)) {
        tally.refuse(row, reason)
        lost.add(row)
        tally.summary[row.isCopy ? 'copies' : 'photos']--
      }
      const photos = rows.filter(row => !row.isCopy && !lost.has(row)).map(row => row.photo)
      if (template !== undefined)
        await deps.repository.rememberTemplate(
          photos.map(photo => photo.photo_id),
          template,
        )
      return photos
    },
    async photos => {
      await enqueuer.add(photos.map(toRef), options.onlyMissing ?? false)
      options.onProgress?.(summary())
    },
  )
  try {
    let round: PhotoRow[] = []
    for await (const row of select(source.rows(deps.places), options.selection ?? {}, onRow)) {
      tally.summary[row.isCopy ? 'copies' : 'photos']++
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

function checkTemplate({ urlTemplate, environment = {} }: Pick<BatchOptions, 'urlTemplate' | 'environment'>): void {
  checkUrlTemplate(urlTemplate, environment)
}

/** @returns undefined when there is nothing to write; a template that holds a secret is not stored */
async function templateToRemember(
  { repository }: EnqueueDeps,
  { urlTemplate }: Pick<BatchOptions, 'urlTemplate'>,
): Promise<string | null | undefined> {
  if (urlTemplate !== undefined && !holdsSecret(urlTemplate)) return urlTemplate
  return (await repository.hasTemplates()) ? null : undefined
}

/** Stores photos and, for files that were read, their places. @returns the rows that the database refused */
async function storeRows(
  rows: readonly PhotoRow[],
  { repository, places }: EnqueueDeps,
  { runId, modelId }: Pick<BatchOptions, 'runId' | 'modelId'>,
): Promise<{ row: PhotoRow; reason: string }[]> {
  const others = rows.filter(row => row.path === undefined)
  const files = rows.filter(row => row.path !== undefined)
  const read = files.filter(row => row.place !== undefined)
  const refusedRows = others.length > 0 ? await repository.upsertPhotos(others.map(row => row.photo)) : []
  const refusedFiles =
    read.length > 0
      ? await places.record(
          runId,
          read.map(({ photo, place }) => ({ photo, place: place! })),
        )
      : []
  if (files.length > 0)
    await places.clearFileFailures(
      modelId,
      files.map(row => row.photo.photo_id),
    )
  return [
    ...refusedRows.map(({ index, reason }) => ({ row: others[index]!, reason })),
    ...refusedFiles.map(({ index, reason }) => ({ row: read[index]!, reason })),
  ]
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
  options: InputOptions & Pick<BatchOptions, 'photosPerJob' | 'urlTemplate' | 'environment' | 'signal'>,
): Promise<EnqueueSummary> {
  checkTemplate(options)
  const { urlTemplate, environment } = options
  const tally = new InputTally({ photos: 0, copies: 0 }, options.onBadRow)
  const summary = (): EnqueueSummary =>
    Object.assign(tally.summary, {
      enqueuedPhotos: tally.summary.photos,
      enqueuedBatches: Math.ceil(tally.summary.photos / options.photosPerJob),
      alreadyQueued: 0,
      alreadyEmbedded: 0,
      previouslyFailed: 0,
      skippedFiles: source.skipped,
    })
  const onRow = reportingEvery(ROWS_PER_REPORT, tally.count, () => {
    throwIfStopped(options.signal)
    options.onProgress?.(summary())
  })
  for await (const { photo, isCopy } of select(source.rows(), options.selection ?? {}, onRow)) {
    if (isCopy) continue
    applyUrlTemplate(urlTemplate, { photoId: photo.photo_id, imageUrl: photo.photo_image_url }, environment)
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
        // Its other photos come below.
        if (batch.photos.some(photo => enqueuer.obstacleOf(photo) !== null)) continue
        taken += batch.photos.length
        batches.push(batch)
        for (const { id } of batch.photos) inBatches.add(id)
      }
      if (taken > 0) yield { taken, add: () => enqueuer.addRecorded(batches) }
    }
    for await (const page of deps.repository.missingPhotos(modelId, enqueuer.roundSize)) {
      const photos = enqueuer.fetchable(page.filter(photo => inBatches.add(photo.id))).slice(0, left())
      if (photos.length > 0) yield { taken: photos.length, add: () => enqueuer.add(photos, true) }
      if (left() === 0) return
    }
  })
}

/**
 * Enqueues the photos of the database without an embedding of this model that have a stored copy: the copies are embedded
 * instead of the originals.
 */
export function enqueueCopies(given: EnqueueDeps, options: StoredPhotosOptions): Promise<EnqueueSummary> {
  const deps = patientDeps(given, options)
  const enqueuer = new BatchEnqueuer(deps, { ...options, kind: 'copies' })
  return enqueueStored(deps, options, enqueuer, async function* (left) {
    for await (const page of deps.repository.copiedPhotos(options.modelId, enqueuer.roundSize)) {
      const photos = page.slice(0, left())
      if (photos.length > 0) yield { taken: photos.length, add: () => enqueuer.add(photos, true) }
      if (left() === 0) return
    }
  })
}

/**
 * Enqueues permanently failed photos and deletes their failures.
 * @param code of the failures; undefined: all
 * @param options `ofRun`: only those of the photos of a run; `fromCopies`: only those that have a stored copy, which is embedded instead of the original
 */
export function enqueueFailed(
  given: EnqueueDeps,
  code: PhotoFailureCode | undefined,
  { fromCopies = false, ofRun, ...options }: StoredPhotosOptions & { fromCopies?: boolean; ofRun?: string },
): Promise<EnqueueSummary> {
  const deps = patientDeps(given, options)
  const { modelId } = options
  // The same photos may fail and be retried again: in new batches each time.
  const enqueuer = new BatchEnqueuer(deps, { ...options, kind: fromCopies ? 'copies' : 'originals' }, options.runId)
  return enqueueStored(deps, options, enqueuer, async function* (left) {
    const { repository } = deps
    const pages = fromCopies
      ? repository.failedCopies(modelId, code, enqueuer.roundSize)
      : repository.failedPhotos(modelId, code, enqueuer.roundSize, ofRun)
    for await (const page of pages) {
      const photos = enqueuer.fetchable<PhotoRef | StoredPhotoRef>(page).slice(0, left())
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
  checkTemplate(options)
  const tally = new InputTally({ photos: 0, copies: 0 })
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
    places: retrying.wrap(deps.places, 'database'),
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
