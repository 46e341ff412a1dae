import { createHash } from 'node:crypto'
import type { PhotoRef } from './photo.js'
import type { Batch } from './ports/queue.js'

/**
 * Returns the id of a batch: the first 128 bits of the SHA-256 of its contents. The run is not part of the contents, so
 * the same input enqueued twice is one job. The attempt number is, so a retry is a separate job.
 */
export function batchId(batch: Omit<Batch, 'id' | 'parentId' | 'runId'>, nonce = ''): string {
  const { model, revision, photos, attempt, store, labelSets } = batch
  const contents = JSON.stringify([model, revision, attempt, store, labelSets, photos.map(addressOf), nonce])
  return createHash('sha256').update(contents).digest('hex').slice(0, 32)
}

function addressOf({ id, url, template }: PhotoRef): string[] {
  return template === undefined ? [id, url] : [id, url, template]
}
