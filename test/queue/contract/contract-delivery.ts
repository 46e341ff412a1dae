import { expect, test } from 'vitest'
import type { Batch } from '../../../src/domain/ports/queue.js'
import { deferred } from '../../support/deferred.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import type { QueueBench } from '../bench.js'

/** Adding, and what is delivered when. */
export function itAddsAndDelivers(bench: QueueBench): void {
  test('delivers a batch as it was added and leaves nothing behind', async () => {
    const batch = aBatch({ labelSets: ['taken_time'], store: false, attempt: 2 })
    const delivered: Batch[] = []
    await bench.queue.add([batch])
    expect(await bench.queue.state(batch.id)).toBe('waiting')
    await bench.consume(async b => {
      delivered.push(b)
      expect(await bench.queue.state(b.id)).toBe('active')
    })
    await bench.settled()
    expect(delivered).toEqual([batch])
    expect(await bench.queue.state(batch.id)).toBe('absent')
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  })

  test('takes a batch added while the consumer is idle', async () => {
    const delivered: string[] = []
    await bench.consume(async b => void delivered.push(b.id))
    for (const batch of [aBatch(), aBatch(), aBatch()]) {
      await bench.queue.add([batch])
      await until('the batch is delivered', () => delivered.includes(batch.id), 5_000)
    }
  })

  test('does not add a batch that is waiting, twice in one call or in two', async () => {
    const batch = aBatch()
    await bench.queue.add([batch, batch])
    await bench.queue.add([batch])
    expect(await bench.queue.counts()).toMatchObject({ waiting: 1 })
  })

  test('does not add a batch that is delayed, active or failed; a failed one once it is removed', async () => {
    const later = aBatch()
    await bench.queue.add([later], { delayMs: 60_000 })
    await bench.queue.add([later])
    expect(await bench.queue.state(later.id)).toBe('delayed')
    expect(await bench.queue.counts()).toMatchObject({ waiting: 0, delayed: 1 })

    const batch = aBatch()
    const gate = deferred()
    let deliveries = 0
    await bench.queue.add([batch])
    await bench.consume(async () => {
      deliveries++
      await gate.promise
      throw new Error('never succeeds')
    })
    await until('the batch is active', () => deliveries === 1)
    await bench.queue.add([batch])
    expect(await bench.queue.counts()).toMatchObject({ waiting: 0, active: 1 })
    gate.resolve()
    await until('the batch has failed', async () => (await bench.queue.state(batch.id)) === 'failed')
    expect(deliveries).toBe(3)

    await bench.queue.add([batch])
    expect(await bench.queue.state(batch.id)).toBe('failed')
    expect(await bench.queue.remove([batch.id])).toEqual([batch.id])
    expect(await bench.queue.state(batch.id)).toBe('absent')
    await bench.queue.add([batch])
    await until('it is delivered again', () => deliveries > 3)
  })

  test('delivers a delayed batch not before its time', async () => {
    const addedAt = Date.now()
    let deliveredAt = 0
    await bench.consume(async () => {
      deliveredAt = Date.now()
    })
    await bench.queue.add([aBatch()], { delayMs: 700 })
    await until('the batch is delivered', () => deliveredAt > 0, 5_000)
    expect(deliveredAt - addedAt).toBeGreaterThanOrEqual(690)
  })

  test('handles as many batches at the same time as it was asked to', async () => {
    const gate = deferred()
    let running = 0
    let most = 0
    await bench.queue.add(Array.from({ length: 7 }, () => aBatch()))
    await bench.consume(
      async () => {
        most = Math.max(most, ++running)
        await gate.promise
        running--
      },
      { concurrency: 3 },
    )
    await until('three are in hand', () => running === 3)
    expect(await bench.queue.counts()).toEqual({ waiting: 4, active: 3, delayed: 0, failed: 0 })
    gate.resolve()
    await bench.settled()
    expect(most).toBe(3)
  })

  test('gives each of 1,000 batches to one of two consumers', async () => {
    const batches = Array.from({ length: 1000 }, () => aBatch())
    const other = await bench.open()
    const delivered: string[] = []
    await bench.consume(async batch => void delivered.push(batch.id), { concurrency: 8 })
    await bench.consume(async batch => void delivered.push(batch.id), { concurrency: 8 }, other)
    await bench.queue.add(batches)
    await until('all are delivered', () => delivered.length >= 1000, 50_000)
    await bench.settled()
    expect(delivered.toSorted()).toEqual(batches.map(b => b.id).toSorted())
    await other.close()
  })

  test('opens from ten clients at once', async () => {
    const queues = await Promise.all(Array.from({ length: 10 }, () => bench.open()))
    await Promise.all(queues.map(q => q.add([aBatch()])))
    expect(await bench.queue.counts()).toMatchObject({ waiting: 10 })
    await Promise.all(queues.map(q => q.close()))
  })
}
