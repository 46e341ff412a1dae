import { expect, test } from 'vitest'
import type { Batch, Priority } from '../../../src/domain/ports/queue.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import type { QueueBench } from '../bench.js'

/** Which batch comes first. */
export function itHonoursPriorities(bench: QueueBench): void {
  test('delivers by priority, and within one in the order of adding', async () => {
    const batches = [...three('low'), ...three(undefined), ...three('normal'), ...three('high')]
    await bench.queue.add(batches)
    expect(await bench.queue.counts()).toEqual({ waiting: 12, active: 0, delayed: 0, failed: 0 })
    const states = await bench.queue.states(batches.map(b => b.id))
    expect([...states.values()]).toEqual(Array(12).fill('waiting'))

    expect(await orderOfDelivery(bench)).toEqual([
      ...batches.slice(9).map(b => b.id),
      ...batches.slice(3, 9).map(b => b.id),
      ...batches.slice(0, 3).map(b => b.id),
    ])
  })

  test('honours the priority of batches that were delayed', async () => {
    const [low, normal, high] = [aBatch({ priority: 'low' }), aBatch(), aBatch({ priority: 'high' })]
    const blocker = aBatch()
    const delivered: string[] = []
    await bench.queue.add([blocker])
    await bench.consume(
      async batch => {
        delivered.push(batch.id)
        if (batch.id !== blocker.id) return
        const dueAt = Date.now() + 300
        await bench.queue.add([low, normal, high], { delayMs: 200 })
        await until('all are due', () => Date.now() > dueAt)
      },
      { concurrency: 1 },
    )
    await until('all are delivered', () => delivered.length === 4)
    expect(delivered).toEqual([blocker.id, high.id, normal.id, low.id])
  })

  test('keeps the priority of a batch that is delivered again', async () => {
    const [high, ...others] = [aBatch({ priority: 'high' }), aBatch(), aBatch(), aBatch()]
    const delivered: string[] = []
    await bench.queue.add([high!])
    await bench.consume(
      async batch => {
        delivered.push(batch.id)
        if (delivered.length === 1) {
          await bench.queue.add(others)
          throw new Error('once more')
        }
        const dueAt = Date.now() + 200
        await until('the first is due again', () => Date.now() > dueAt)
      },
      { concurrency: 1 },
    )
    await until('all are delivered', () => delivered.length === 5)
    expect(delivered.indexOf(high!.id, 1)).toBeLessThanOrEqual(2)
  })
}

function three(priority: Priority | undefined): Batch[] {
  return Array.from({ length: 3 }, () => aBatch(priority === undefined ? {} : { priority }))
}

async function orderOfDelivery(bench: QueueBench): Promise<string[]> {
  const delivered: string[] = []
  await bench.consume(async batch => void delivered.push(batch.id), { concurrency: 1 })
  await bench.settled()
  return delivered
}
