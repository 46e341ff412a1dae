import type { PhotoFailureCode } from '../../../src/domain/errors.js'
import type { Photo, StoredPhotoRef } from '../../../src/domain/photo.js'
import type { NewBatch, PhotoStates, RefusedRow, Run } from '../../../src/domain/ports/repository.js'
import type { RunControl, SeenWorker, UnfinishedBatch } from '../../../src/domain/ports/run-repository.js'
import { aRunOf } from '../../support/runs.js'

/** The parts of `IngestRepository` and `RunRepository` that producers use, in memory; tests settle photos by hand. */
export class MemoryRepository {
  readonly photos = new Map<string, Photo>()
  readonly embedded = new Set<string>()
  readonly failed = new Map<string, PhotoFailureCode>()
  readonly batches = new Map<string, NewBatch>()
  readonly finishedRuns = new Set<string>()
  readonly largestCall = { photos: 0 }
  readonly controls = new Map<string, RunControl>()
  readonly alive: SeenWorker[] = []
  /** While it is set nothing can be written. */
  readOnly: Error | undefined
  /** Batches that workers have parked or let go of. */
  readonly leaving = new Set<string>()
  /** Id of a photo that it refuses to store. */
  refuses: string | undefined

  async upsertPhotos(photos: readonly Photo[]): Promise<RefusedRow[]> {
    this.largestCall.photos = Math.max(this.largestCall.photos, photos.length)
    const index = photos.findIndex(photo => photo.photo_id === this.refuses)
    for (const [i, photo] of photos.entries()) if (i !== index) this.photos.set(photo.photo_id, photo)
    return index < 0 ? [] : [{ index, reason: 'too wide' }]
  }

  /** By photo. */
  readonly templates = new Map<string, string>()

  async hasTemplates(): Promise<boolean> {
    return this.templates.size > 0
  }

  async rememberTemplate(photoIds: readonly string[], template: string | null): Promise<void> {
    for (const id of photoIds)
      if (template === null) this.templates.delete(id)
      else this.templates.set(id, template)
  }

  async photoStates(_modelId: number, ids: readonly string[]): Promise<PhotoStates> {
    return {
      embedded: new Set(ids.filter(id => this.embedded.has(id))),
      failed: new Set(ids.filter(id => this.failed.has(id))),
    }
  }

  async addBatches(batches: readonly NewBatch[]): Promise<Set<string>> {
    for (const batch of batches) if (!this.batches.has(batch.id)) this.batches.set(batch.id, batch)
    const leaving = batches.map(batch => batch.id).filter(id => this.leaving.delete(id))
    return new Set(leaving)
  }

  async finishEnqueue(runId: string): Promise<void> {
    this.finishedRuns.add(runId)
  }

  async run(runId: string): Promise<Run | null> {
    const batches = [...this.batches.values()].filter(batch => batch.runId === runId)
    const ids = batches.flatMap(batch => batch.photoIds)
    return aRunOf({
      id: runId,
      enqueuedAt: this.finishedRuns.has(runId) ? new Date(0) : null,
      photos: ids.length,
      done: ids.filter(id => this.embedded.has(id)).length,
      failed: ids.filter(id => this.failed.has(id)).length,
    })
  }

  async controlOfRun(runId: string): Promise<RunControl> {
    return this.controls.get(runId) ?? 'active'
  }

  async assertWritable(): Promise<void> {
    if (this.readOnly) throw this.readOnly
  }

  async workers(): Promise<SeenWorker[]> {
    return this.alive
  }

  async *unfinished(of: { modelId: number } | { runId: string }): AsyncGenerator<UnfinishedBatch[]> {
    for (const { id, runId, kind = 'originals', photoIds } of this.batches.values()) {
      const isOpen = photoIds.some(id => !this.embedded.has(id) && !this.failed.has(id))
      if (!isOpen || ('runId' in of && of.runId !== runId)) continue
      yield [{ id, kind, photos: photoIds.map(id => this.#stored(id)) }]
    }
  }

  missingPhotos(_modelId: number, pageSize: number): AsyncGenerator<StoredPhotoRef[]> {
    return this.pages([...this.photos.keys()].filter(id => !this.embedded.has(id)).sort(), pageSize)
  }

  failedPhotos(
    _modelId: number,
    code: PhotoFailureCode | undefined,
    pageSize: number,
  ): AsyncGenerator<StoredPhotoRef[]> {
    const ids = [...this.failed].filter(([, failure]) => code === undefined || failure === code).map(([id]) => id)
    return this.pages(ids.sort(), pageSize)
  }

  async clearFailures(_modelId: number, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.failed.delete(id)
  }

  #stored(id: string): StoredPhotoRef {
    return { id, url: this.photos.get(id)!.photo_image_url, template: this.templates.get(id) ?? null }
  }

  private async *pages(ids: string[], pageSize: number): AsyncGenerator<StoredPhotoRef[]> {
    for (let i = 0; i < ids.length; i += pageSize) yield ids.slice(i, i + pageSize).map(id => this.#stored(id))
  }
}
