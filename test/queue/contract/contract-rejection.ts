import { expect, test } from 'vitest'
import { type Delivery, RetryLaterError, UnrecoverableBatchError } from '../../../src/domain/ports/queue.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import { kill, type QueueBench, SHORT_LOCK_MS } from '../bench.js'

/** What becomes of a batch whose handler rejects, and what the handler is told about its delivery. */
export function itDeliversAgain(bench: QueueBench): void {
  test('delivers again with growing pauses when the handler rejects', async () => {
    const patient = await bench.open({ attempts: 4, backoffMs: 200 })
    const at: number[] = []
    await patient.add([aBatch()])
    await bench.consume(
      async () => {
        at.push(Date.now())
        if (at.length < 4) throw new Error('not yet')
      },
      {},
      patient,
    )
    await until('the fourth delivery', () => at.length === 4)
    const pauses = at.slice(1).map((time, i) => time - at[i]!)
    // Exponential with jitter: the n-th pause is between a half and the whole of 200 ms × 2^(n-1).
    expect(pauses[0]).toBeGreaterThanOrEqual(95)
    expect(pauses[1]).toBeGreaterThanOrEqual(195)
    expect(pauses[2]).toBeGreaterThanOrEqual(395)
    await bench.settled()
    expect(await patient.counts()).toMatchObject({ failed: 0 })
    await patient.close()
  })

  test('counts a batch as failed once every delivery was rejected, and goes on with the others', async () => {
    const bad = aBatch()
    const good = aBatch()
    const delivered: string[] = []
    await bench.queue.add([bad, good])
    await bench.consume(async batch => {
      delivered.push(batch.id)
      if (batch.id === bad.id) throw new Error('out of order')
    })
    await bench.settled()
    expect(delivered.filter(id => id === bad.id)).toHaveLength(3)
    expect(delivered.filter(id => id === good.id)).toHaveLength(1)
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 1 })
    expect(bench.errors).toEqual([])
  })

  test('tells which attempt it is, and which is the last', async () => {
    const deliveries: Delivery[] = []
    await bench.queue.add([aBatch()])
    await bench.consume(async (_batch, _signal, delivery) => {
      deliveries.push(delivery)
      throw new Error('out of order')
    })
    await bench.settled()
    expect(deliveries).toEqual([
      { stalls: 0, attempt: 1, isLast: false },
      { stalls: 0, attempt: 2, isLast: false },
      { stalls: 0, attempt: 3, isLast: true },
    ])
  })

  test('tells how often the batch was taken from a worker that died', async () => {
    const batch = aBatch()
    await bench.queue.add([batch])
    for (const stalls of [0, 1]) {
      const { child, line } = await bench.startConsumer('consumeForever')
      expect(JSON.parse(line)).toEqual({ id: batch.id, delivery: { stalls, attempt: 1, isLast: false } })
      await kill(child)
    }
    const deliveries: Delivery[] = []
    await bench.consume(
      async (_batch, _signal, delivery) => {
        deliveries.push(delivery)
        if (deliveries.length === 1) throw new Error('once more')
      },
      { lockMs: SHORT_LOCK_MS },
    )
    await bench.settled()
    expect(deliveries).toEqual([
      { stalls: 2, attempt: 1, isLast: false },
      { stalls: 2, attempt: 2, isLast: false },
    ])
  })

  test('delivers a deferred batch again after its delay, however often, and counts no attempt', async () => {
    const at: number[] = []
    const attempts: number[] = []
    await bench.queue.add([aBatch()])
    await bench.consume(async (_batch, _signal, { attempt }) => {
      at.push(Date.now())
      attempts.push(attempt)
      if (at.length <= 5) throw new RetryLaterError(300, 'the database is away')
      if (at.length === 6) throw new Error('not yet')
    })
    await until('the delivery after an error', () => at.length === 7)
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 2])
    for (let i = 1; i <= 5; i++) expect(at[i]! - at[i - 1]!).toBeGreaterThanOrEqual(295)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    expect(bench.errors).toEqual([])
  })

  test('goes on with other batches while one is deferred, which stays delayed when the consumer ends', async () => {
    const [away, good] = [aBatch(), aBatch()]
    const delivered: string[] = []
    await bench.queue.add([away, good])
    const consumer = await bench.consume(
      async batch => {
        delivered.push(batch.id)
        if (batch.id === away.id) throw new RetryLaterError(60_000)
      },
      { concurrency: 1 },
    )
    await until('both are delivered', () => delivered.length === 2)
    await consumer.close()
    expect(await bench.queue.states([away.id, good.id])).toEqual(
      new Map([
        [away.id, 'delayed'],
        [good.id, 'absent'],
      ]),
    )
  })

  test('counts a hopeless batch as failed at once', async () => {
    const batch = aBatch()
    let deliveries = 0
    await bench.queue.add([batch])
    await bench.consume(async () => {
      deliveries++
      throw new UnrecoverableBatchError(new Error('a model that nobody has'))
    })
    await until('the batch has failed', async () => (await bench.queue.state(batch.id)) === 'failed')
    expect(deliveries).toBe(1)
    expect(bench.errors).toEqual([])
  })
}
