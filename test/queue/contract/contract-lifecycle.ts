import { expect, test } from 'vitest'
import { deferred } from '../../support/deferred.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import { type QueueBench, SHORT_LOCK_MS } from '../bench.js'

/** How consumers and queues end. */
export function itClosesAndHandsBack(bench: QueueBench): void {
  test('waits on close for what is in hand and takes nothing new', async () => {
    const gate = deferred()
    const begun: string[] = []
    const finished: string[] = []
    const [first, second] = [aBatch(), aBatch()]
    await bench.queue.add([first])
    const consumer = await bench.consume(async batch => {
      begun.push(batch.id)
      await gate.promise
      finished.push(batch.id)
    })
    await until('the batch is in hand', () => begun.includes(first.id))
    let closed = false
    const closing = consumer.close().then(() => {
      closed = true
    })
    await bench.queue.add([second])
    await until('it is left waiting', async () => (await bench.queue.state(second.id)) === 'waiting')
    expect(closed).toBe(false)
    gate.resolve()
    await closing
    expect(finished).toEqual([first.id])
    expect(await bench.queue.state(first.id)).toBe('absent')
    expect(await bench.queue.state(second.id)).toBe('waiting')
  })

  test('hands back on abort what is in hand, without counting a delivery', async () => {
    const batches = [aBatch(), aBatch(), aBatch()]
    await bench.queue.add(batches)
    for (let round = 0; round < 4; round++) {
      let inHand = 0
      const consumer = await bench.consume(
        (_, signal) =>
          new Promise((_, reject) => {
            inHand++
            signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          }),
      )
      await until('two are in hand', () => inHand === 2)
      await consumer.abort()
      expect(await bench.queue.counts()).toEqual({ waiting: 3, active: 0, delayed: 0, failed: 0 })
    }
    const delivered: string[] = []
    await bench.consume(async batch => void delivered.push(batch.id))
    await bench.settled()
    expect(delivered.toSorted()).toEqual(batches.map(b => b.id).toSorted())
  })

  test('lets go on abort of a handler that does not stop; its batch comes back when the lock expires', async () => {
    const batch = aBatch()
    const never = deferred()
    let inHand = 0
    await bench.queue.add([batch])
    const handle = async () => {
      inHand++
      await never.promise
    }
    const consumer = await bench.consume(handle, { lockMs: SHORT_LOCK_MS })
    await until('the batch is in hand', () => inHand === 1)
    await consumer.abort()
    const delivered: string[] = []
    await bench.consume(async b => void delivered.push(b.id), { lockMs: SHORT_LOCK_MS })
    await until('the batch is delivered again', () => delivered.includes(batch.id))
    never.resolve()
  })

  test('aborts a consumer that is already closing', async () => {
    let inHand = 0
    await bench.queue.add([aBatch()])
    const consumer = await bench.consume(
      (_, signal) =>
        new Promise((_, reject) => {
          inHand++
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        }),
    )
    await until('the batch is in hand', () => inHand === 1)
    const closing = consumer.close()
    await consumer.abort()
    await closing
    expect(await bench.queue.counts()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
  })

  test('keeps no process alive once it is closed, however often', async () => {
    await bench.queue.add([aBatch()])
    const { child, line } = await bench.startConsumer('consumeOneAndClose')
    expect(line).toBe('closed')
    await until('the process has ended', () => child.exitCode !== null, 5_000)
    expect(child.exitCode).toBe(0)
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  })

  test('refuses commands once it is closed', async () => {
    const closed = await bench.open()
    await closed.close()
    await expect(closed.add([aBatch()])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
  })
}
