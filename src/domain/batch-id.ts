import { createHash } from 'node:crypto'
import type { Batch } from './ports/queue.js'

/**
 * Id of a batch: the first 128 bits of the SHA-256 of what it asks for. The run it belongs to is not part of it, so that
 * the same input enqueued twice is one job; the number of the attempt is, so that a retry is a job of its own.
 */
export function batchId(batch: Omit<Batch, 'id' | 'parentId' | 'runId'>, nonce = ''): string {
  const { model, revision, photos, attempt, store, labelSets } = batch
  const contents = JSON.stringify([model, revision, attempt, store, labelSets, photos.map(p => [p.id, p.url]), nonce])
  return createHash('sha256').update(contents).digest('hex').slice(0, 32)
}
