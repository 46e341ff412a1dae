import { randomUUID } from 'node:crypto'
import { batchId } from '../../src/domain/batch-id.js'
import type { PhotoRef } from '../../src/domain/photo.js'
import type { Batch } from '../../src/domain/ports/queue.js'

/** A batch like a producer makes it. */
export function aBatch(changes: Partial<Batch> = {}): Batch {
  const contents = {
    model: 'test@fp32',
    revision: 'r1',
    photos: photoRefs(2, randomUUID()),
    attempt: 1,
    store: true,
    labelSets: [],
    ...changes,
  }
  const id = batchId(contents)
  return { id, parentId: id, runId: 'run-1', ...contents, ...changes }
}

export function photoRefs(count: number, prefix = 'photo'): PhotoRef[] {
  return Array.from({ length: count }, (_, i) => ({ id: `${prefix}-${i}`, url: `https://images.test/${prefix}-${i}` }))
}
