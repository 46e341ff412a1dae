import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Batch } from '../../src/domain/ports/queue.js'
import { until } from '../support/until.js'
import { aBatch } from './batches.js'
import { kill, type QueueBench, SHORT_LOCK_MS } from './bench.js'

/** Workers that are busy, and workers that die. */
export function itSurvivesDeaths(bench: QueueBench): void {
  it('keeps a batch that takes longer than the lock', async () => {
    const lockMs = 2 * SHORT_LOCK_MS
    let deliveries = 0
    await bench.queue.add([aBatch()])
    const handle = async () => {
      deliveries++
      const end = Date.now() + 2 * lockMs
      await until('longer than the lock', () => Date.now() > end)
    }
    await bench.consume(handle, { lockMs })
    const other = await bench.open()
    await bench.consume(async () => void deliveries++, { lockMs }, other)
    await bench.settled()
    expect(deliveries).toBe(1)
    await other.close()
  })

  // An encoder computes on the main thread; meanwhile no timer fires and no answer is read. The lock of a batch is first
  // renewed up to four turns of the event loop after it was claimed, so computing for a quarter of the lock is too long.
  it('keeps its batches while its process computes for an eighth of the lock at a time', async () => {
    const lockMs = 4000
    let encoding = Promise.resolve()
    const encode = () => {
      encoding = encoding.then(() => computeFor(lockMs / 8)).then(() => turnOfTheEventLoop())
      return encoding
    }
    const rival = await bench.startConsumer('consumeAll', lockMs)
    const taken: string[] = []
    const finished: string[] = []
    await bench.consume(
      async batch => {
        taken.push(batch.id)
        const end = Date.now() + 2 * lockMs
        while (Date.now() < end) await encode()
        finished.push(batch.id)
      },
      { lockMs },
    )
    rival.child.kill('SIGSTOP')
    const batches = [aBatch(), aBatch()]
    await bench.queue.add(batches)
    await until('both are in hand', () => taken.length === 2)
    rival.child.kill('SIGCONT')
    const takenByRival: string[] = []
    rival.child.stdout?.on('data', data => takenByRival.push(String(data)))
    await until('both are finished', () => finished.length === 2)
    await bench.settled()
    expect(takenByRival).toEqual([])
    expect(taken.toSorted()).toEqual(batches.map(b => b.id).toSorted())
    expect(bench.errors).toEqual([])
  })

  it('delivers a batch again after its worker was killed, more often than once', async () => {
    const batch = aBatch()
    await bench.queue.add([batch])
    for (let round = 0; round < 3; round++) {
      const { child } = await bench.startConsumer('consumeForever')
      expect(await bench.queue.state(batch.id)).toBe('active')
      await kill(child)
    }
    const delivered: string[] = []
    await bench.consume(async b => void delivered.push(b.id), { lockMs: SHORT_LOCK_MS })
    await until('the batch is delivered', () => delivered.includes(batch.id))
    await bench.settled()
    expect(await bench.queue.counts()).toMatchObject({ failed: 0 })
  }, 120_000)
}

/** The server dies and comes back. */
export function itSurvivesItsServer(bench: QueueBench): void {
  it('goes on when the server was killed and came back', async () => {
    const batches = Array.from({ length: 60 }, () => aBatch())
    const done = new Set<string>()
    const other = await bench.open({ attempts: 8, backoffMs: 100 })
    const handle = async (batch: Batch) => void done.add(batch.id)
    const consumers = await Promise.all([
      bench.consume(handle, { lockMs: SHORT_LOCK_MS }, other),
      bench.consume(handle, { lockMs: SHORT_LOCK_MS }, other),
    ])
    await other.add(batches.slice(0, 30))
    await until('some are done', () => done.size > 5)
    await bench.server.kill!()
    await expect(bench.queue.add([aBatch()])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await expect(bench.open()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await bench.server.restart!()
    await other.add(batches.slice(30))
    await until('all are done', () => done.size === 60)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    await Promise.all(consumers.map(c => c.close()))
    await other.close()
  })

  it('closes while the server is away', async () => {
    const other = await bench.open()
    const consumer = await bench.consume(async () => {}, {}, other)
    await bench.server.kill!()
    await consumer.close()
    await other.close()
    await bench.server.restart!()
  })
}

function computeFor(ms: number): void {
  const end = Date.now() + ms
  while (Date.now() < end);
}
