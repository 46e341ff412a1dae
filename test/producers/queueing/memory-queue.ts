import type { Batch, BatchState, Consumer, Queue, QueueCounts } from '../../../src/domain/ports/queue.js'

/** A queue in memory that keeps the promises of the port which producers rely on; tests move its batches on by hand. */
export class MemoryQueue implements Queue {
  readonly location = 'memory'
  readonly batches = new Map<string, { batch: Batch; state: BatchState }>()
  /** Makes the next call of `add` reject, as when the server is away. */
  failNextAdd: Error | undefined

  get added(): Batch[] {
    return [...this.batches.values()].map(({ batch }) => batch)
  }

  async add(batches: readonly Batch[]): Promise<void> {
    const error = this.failNextAdd
    this.failNextAdd = undefined
    if (error) throw error
    for (const batch of batches)
      if (!this.batches.has(batch.id)) this.batches.set(batch.id, { batch, state: 'waiting' })
  }

  async state(batchId: string): Promise<BatchState> {
    return this.batches.get(batchId)?.state ?? 'absent'
  }

  async states(batchIds: readonly string[]): Promise<Map<string, BatchState>> {
    return new Map(batchIds.map(id => [id, this.batches.get(id)?.state ?? 'absent']))
  }

  async remove(batchIds: readonly string[]): Promise<string[]> {
    const idle = batchIds.filter(id => this.batches.has(id) && this.batches.get(id)?.state !== 'active')
    for (const id of idle) this.batches.delete(id)
    return idle
  }

  async counts(): Promise<QueueCounts> {
    const counts = { waiting: 0, active: 0, delayed: 0, failed: 0, absent: 0 }
    for (const { state } of this.batches.values()) counts[state]++
    return counts
  }

  async check(): Promise<void> {}

  consume(): Promise<Consumer> {
    throw new Error('not needed by producers')
  }

  async close(): Promise<void> {}
}
