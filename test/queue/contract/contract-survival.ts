import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Batch, type Delivery, type Handle, RetryLaterError } from '../../../src/domain/ports/queue.js'
import { deferred } from '../../support/deferred.js'
import { until } from '../../support/until.js'
import { aBatch } from '../batches.js'
import { kill, type QueueBench, SHORT_LOCK_MS } from '../bench.js'

/** Workers that are busy, and workers that die. */
export function itSurvivesDeaths(bench: QueueBench): void {
  test('keeps a batch that takes longer than the lock', async () => {
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
  test('keeps its batches while its process computes for an eighth of the lock at a time', async () => {
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

  test('delivers a batch again after its worker was killed, more often than once', async () => {
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

  test('takes the batch of a worker that hangs, once, and the worker that wakes up does no harm', async () => {
    const [batch, next] = [aBatch(), aBatch()]
    await bench.queue.add([batch])
    const hanging = await bench.startConsumer('consumeOnceContinued')
    expect(hanging.line).toBe(`took ${batch.id}`)
    const said: string[] = []
    hanging.child.stdout?.on('data', data => said.push(...String(data).trim().split('\n')))
    hanging.child.kill('SIGSTOP')

    const gate = deferred()
    const deliveries: Delivery[] = []
    const rival = await bench.consume(
      async (_batch, _signal, delivery) => {
        deliveries.push(delivery)
        await gate.promise
      },
      { lockMs: 4 * SHORT_LOCK_MS },
    )
    await until('the batch is taken over', () => deliveries.length > 0)
    hanging.child.kill('SIGCONT')
    await until('the worker that hung has finished', () => said.includes(`finished ${batch.id}`))
    // Whatever it did by then it did before it takes another one.
    await bench.queue.add([next])
    await until('another one is in hand', async () => (await bench.queue.state(next.id)) === 'active')
    expect(await bench.queue.state(batch.id)).toBe('active')
    gate.resolve()
    await until('the batch is done', async () => (await bench.queue.state(batch.id)) === 'absent')
    await rival.close()
    await until('the other one is done', async () => {
      hanging.child.kill('SIGCONT')
      return (await bench.queue.state(next.id)) === 'absent'
    })
    expect(deliveries[0]).toEqual({ stalls: 1, attempt: 1, isLast: false })
    expect(deliveries.slice(1).every(({ stalls }) => stalls === 0)).toBe(true)
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  }, 120_000)
}

/** The server dies and comes back. */
export function itSurvivesItsServer(bench: QueueBench): void {
  test('goes on when the server was killed and came back', async () => {
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
    await expect(bench.queue.check()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await bench.server.restart!()
    await other.add(batches.slice(30))
    await until('all are done', () => done.size === 60)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    await bench.queue.check()
    await Promise.all(consumers.map(c => c.close()))
    await other.close()
  })

  test('loses nothing and counts no attempt while the server is away for half a minute, and goes on once it is back', async () => {
    const other = await bench.open()
    const done = new Set<string>()
    const attempts = new Set<number>()
    const handle: Handle = async (batch, _signal, { attempt }) => {
      attempts.add(attempt)
      const end = Date.now() + 300
      await until('the batch is worked on', () => Date.now() > end)
      if (!done.has(batch.id) && Number.parseInt(batch.id[0]!, 16) < 4) {
        done.add(batch.id)
        throw new RetryLaterError(100, 'something else is away')
      }
      done.add(batch.id)
    }
    const consumers = await Promise.all([
      bench.consume(handle, { lockMs: SHORT_LOCK_MS }),
      bench.consume(handle, { lockMs: SHORT_LOCK_MS }, other),
    ])
    const added: Batch[] = []
    let isProducing = true
    const producing = (async () => {
      while (isProducing) {
        const batch = aBatch()
        await until(
          'the batch is added',
          async () => {
            const refusal = await bench.queue.add([batch]).catch((error: unknown) => error)
            if (refusal !== undefined) expect(refusal).toMatchObject({ code: 'QUEUE_UNREACHABLE' })
            return refusal === undefined
          },
          120_000,
        )
        added.push(batch)
        await until('the workers keep up', () => added.length < done.size + 20, 120_000)
      }
    })()
    await until('some are done', () => done.size >= 5)
    await bench.server.kill!()
    const back = Date.now() + 30_000
    await until('half a minute has passed', () => Date.now() > back)
    const doneBefore = done.size
    await bench.server.restart!()
    await until('consuming goes on', () => done.size > doneBefore, 20_000)
    isProducing = false
    await producing
    await until('all are done', () => done.size === added.length, 120_000)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    expect([...attempts]).toEqual([1])
    await Promise.all(consumers.map(c => c.close()))
    await other.close()
  }, 300_000)

  test('closes while the server is away', async () => {
    const other = await bench.open()
    const consumer = await bench.consume(async () => {}, {}, other)
    await bench.server.kill!()
    await consumer.close()
    await other.close()
    await bench.server.restart!()
  })

  test('says so when a consumer is started while the server is away', async () => {
    const other = await bench.open()
    await bench.server.kill!()
    await expect(bench.consume(async () => {}, {}, other)).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await other.close()
    await bench.server.restart!()
  })
}

function computeFor(ms: number): void {
  const end = Date.now() + ms
  while (Date.now() < end);
}
