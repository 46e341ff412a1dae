import { expect, test } from 'vitest'
import { deferred } from '../../support/deferred.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import { kill, type QueueBench } from '../bench.js'

/** Many ids at once: what state batches are in, and taking them away. */
export function itLooksUpAndRemoves(bench: QueueBench): void {
  test('removes batches that are waiting, delayed or failed, says which, and leaves those in hand', async () => {
    const [failed, active, waiting, delayed, kept] = [aBatch(), aBatch(), aBatch(), aBatch(), aBatch()]
    const gate = deferred()
    const delivered: string[] = []
    await bench.queue.add([failed])
    await bench.consume(
      async batch => {
        delivered.push(batch.id)
        if (batch.id === failed.id) throw new Error('out of order')
        await gate.promise
      },
      { concurrency: 1 },
    )
    await until('one has failed', async () => (await bench.queue.state(failed.id)) === 'failed')
    await bench.queue.add([active])
    await until('one is in hand', () => delivered.includes(active.id))
    await bench.queue.add([waiting, kept])
    await bench.queue.add([delayed], { delayMs: 60_000 })

    const ids = [failed, active, waiting, delayed, aBatch()].map(b => b.id)
    expect([...(await bench.queue.states(ids)).values()]).toEqual(['failed', 'active', 'waiting', 'delayed', 'absent'])
    expect((await bench.queue.remove(ids)).toSorted()).toEqual([failed.id, waiting.id, delayed.id].toSorted())
    expect([...(await bench.queue.states(ids)).values()]).toEqual(['absent', 'active', 'absent', 'absent', 'absent'])
    expect(await bench.queue.counts()).toEqual({ waiting: 1, active: 1, delayed: 0, failed: 0 })
    gate.resolve()
    await bench.settled()
    expect(delivered.slice(-2)).toEqual([active.id, kept.id])
  })

  test('leaves the batch of a worker that has just died', async () => {
    const batch = aBatch()
    await bench.queue.add([batch])
    const { child } = await bench.startConsumer('consumeForever')
    await kill(child)
    expect(await bench.queue.remove([batch.id])).toEqual([])
    expect(await bench.queue.state(batch.id)).toBe('active')
  })

  test('looks up and removes thousands', async () => {
    const batches = Array.from({ length: 2500 }, () => aBatch())
    const ids = batches.map(b => b.id)
    await bench.queue.add(batches.slice(0, 1500))
    await bench.queue.add(batches.slice(1500, 2000), { delayMs: 60_000 })
    const states = [...(await bench.queue.states(ids)).values()]
    expect([0, 1499, 1500, 1999, 2000, 2499].map(i => states[i])).toEqual([
      'waiting',
      'waiting',
      'delayed',
      'delayed',
      'absent',
      'absent',
    ])
    expect((await bench.queue.remove(ids)).toSorted()).toEqual(ids.slice(0, 2000).toSorted())
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  })

  test('gives each batch to the worker or to whoever removes it, never to both', async () => {
    const batches = Array.from({ length: 600 }, () => aBatch())
    const delivered: string[] = []
    await bench.queue.add(batches)
    await bench.consume(async batch => void delivered.push(batch.id), { concurrency: 4 })
    const removed: string[] = []
    for (let i = batches.length; i > 0; i -= 50)
      removed.push(...(await bench.queue.remove(batches.slice(i - 50, i).map(b => b.id))))
    await bench.settled()
    expect([...delivered, ...removed].toSorted()).toEqual(batches.map(b => b.id).toSorted())
  })
}
