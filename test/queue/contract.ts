import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Batch, ConsumeOptions, Consumer } from '../../src/domain/ports/queue.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { deferred } from '../support/deferred.js'
import { until } from '../support/until.js'
import { openQueue, type QueueServer, type ServerKind, startTypeScript } from './backends.js'
import { aBatch } from './batches.js'
import type { ConsumerOptions } from './consumers.js'

/** No lock expires on a machine that is busy with other things, where a test is not about that. */
const LOCK_MS = 30_000
const SHORT_LOCK_MS = 1000

/** What every implementation of the Queue port promises, on one kind of server. */
export function queueContract(kind: ServerKind): void {
  describe.skipIf(!kind.available())(`a queue on ${kind.name}`, () => {
    let server: QueueServer
    let name: string
    let queue: BullmqQueue
    let errors: Error[]
    const children: ChildProcess[] = []

    beforeAll(async () => {
      server = await kind.start()
    })
    afterAll(async () => {
      await server.stop()
    })
    beforeEach(async () => {
      name = `test-${randomUUID().slice(0, 8)}`
      errors = []
      queue = await open()
    })
    afterEach(async () => {
      await Promise.all(children.splice(0).map(kill))
      await queue.close()
    })

    const open = (options: { attempts?: number; backoffMs?: number } = {}) =>
      openQueue(server.address, { name, attempts: 3, backoffMs: 20, ...options })

    const consume = (
      handle: (batch: Batch, signal: AbortSignal) => Promise<void>,
      options: Partial<ConsumeOptions> = {},
      from = queue,
    ): Promise<Consumer> =>
      from.consume(handle, { concurrency: 2, lockMs: LOCK_MS, onError: error => errors.push(error), ...options })

    const startConsumer = async (
      what: 'consumeForever' | 'consumeAll' | 'consumeOneAndClose',
      lockMs = SHORT_LOCK_MS,
    ): Promise<{ child: ChildProcess; line: string }> => {
      const options: ConsumerOptions = { address: server.address, name, lockMs }
      const started = await startTypeScript('consumers.ts', what, options)
      children.push(started.child)
      return started
    }

    const settled = () =>
      until('the queue is empty', async () => {
        const { waiting, active, delayed } = await queue.counts()
        return waiting + active + delayed === 0
      })

    it('delivers a batch as it was added and leaves nothing behind', async () => {
      const batch = aBatch({ labelSets: ['taken_time'], store: false, attempt: 2 })
      const delivered: Batch[] = []
      await queue.add([batch])
      expect(await queue.state(batch.id)).toBe('waiting')
      await consume(async b => {
        delivered.push(b)
        expect(await queue.state(b.id)).toBe('active')
      })
      await settled()
      expect(delivered).toEqual([batch])
      expect(await queue.state(batch.id)).toBe('absent')
      expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    it('takes a batch added while the consumer is idle', async () => {
      const delivered: string[] = []
      await consume(async b => void delivered.push(b.id))
      for (const batch of [aBatch(), aBatch(), aBatch()]) {
        await queue.add([batch])
        await until('the batch is delivered', () => delivered.includes(batch.id), 5_000)
      }
    })

    it('does not add a batch that is waiting, twice in one call or in two', async () => {
      const batch = aBatch()
      await queue.add([batch, batch])
      await queue.add([batch])
      expect(await queue.counts()).toMatchObject({ waiting: 1 })
    })

    it('does not add a batch that is delayed, active or failed; a failed one once it is forgotten', async () => {
      const later = aBatch()
      await queue.add([later], { delayMs: 60_000 })
      await queue.add([later])
      expect(await queue.state(later.id)).toBe('delayed')
      expect(await queue.counts()).toMatchObject({ waiting: 0, delayed: 1 })

      const batch = aBatch()
      const gate = deferred()
      let deliveries = 0
      await queue.add([batch])
      await consume(async () => {
        deliveries++
        await gate.promise
        throw new Error('never succeeds')
      })
      await until('the batch is active', () => deliveries === 1)
      await queue.add([batch])
      expect(await queue.counts()).toMatchObject({ waiting: 0, active: 1 })
      gate.resolve()
      await until('the batch has failed', async () => (await queue.state(batch.id)) === 'failed')
      expect(deliveries).toBe(3)

      await queue.add([batch])
      expect(await queue.state(batch.id)).toBe('failed')
      await queue.forget(batch.id)
      expect(await queue.state(batch.id)).toBe('absent')
      await queue.add([batch])
      await until('it is delivered again', () => deliveries > 3)
    })

    it('forgets only what has failed', async () => {
      const batch = aBatch()
      await queue.add([batch])
      await queue.forget(batch.id)
      await queue.forget(aBatch().id)
      expect(await queue.state(batch.id)).toBe('waiting')
    })

    it('delivers a delayed batch not before its time', async () => {
      const addedAt = Date.now()
      let deliveredAt = 0
      await consume(async () => {
        deliveredAt = Date.now()
      })
      await queue.add([aBatch()], { delayMs: 700 })
      await until('the batch is delivered', () => deliveredAt > 0, 5_000)
      expect(deliveredAt - addedAt).toBeGreaterThanOrEqual(690)
    })

    it('delivers again with growing pauses when the handler rejects', async () => {
      const patient = await open({ attempts: 4, backoffMs: 200 })
      const at: number[] = []
      await patient.add([aBatch()])
      await consume(
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
      await settled()
      expect(await patient.counts()).toMatchObject({ failed: 0 })
      await patient.close()
    })

    it('counts a batch as failed once every delivery was rejected, and goes on with the others', async () => {
      const bad = aBatch()
      const good = aBatch()
      const delivered: string[] = []
      await queue.add([bad, good])
      await consume(async batch => {
        delivered.push(batch.id)
        if (batch.id === bad.id) throw new Error('out of order')
      })
      await settled()
      expect(delivered.filter(id => id === bad.id)).toHaveLength(3)
      expect(delivered.filter(id => id === good.id)).toHaveLength(1)
      expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 1 })
      expect(errors).toEqual([])
    })

    it('handles as many batches at the same time as it was asked to', async () => {
      const gate = deferred()
      let running = 0
      let most = 0
      await queue.add(Array.from({ length: 7 }, () => aBatch()))
      await consume(
        async () => {
          most = Math.max(most, ++running)
          await gate.promise
          running--
        },
        { concurrency: 3 },
      )
      await until('three are in hand', () => running === 3)
      expect(await queue.counts()).toEqual({ waiting: 4, active: 3, delayed: 0, failed: 0 })
      gate.resolve()
      await settled()
      expect(most).toBe(3)
    })

    it('keeps a batch that takes longer than the lock', async () => {
      const lockMs = 2 * SHORT_LOCK_MS
      let deliveries = 0
      await queue.add([aBatch()])
      const handle = async () => {
        deliveries++
        const end = Date.now() + 2 * lockMs
        await until('longer than the lock', () => Date.now() > end)
      }
      await consume(handle, { lockMs })
      const other = await open()
      await consume(async () => void deliveries++, { lockMs }, other)
      await settled()
      expect(deliveries).toBe(1)
      await other.close()
    })

    // An encoder computes on the main thread; meanwhile no timer fires and no answer is read.
    it('keeps its batches while its process computes for a second at a time', async () => {
      const lockMs = 4000
      let encoding = Promise.resolve()
      const encode = () => {
        encoding = encoding.then(() => computeFor(1000)).then(() => turnOfTheEventLoop())
        return encoding
      }
      const rival = await startConsumer('consumeAll', lockMs)
      const taken: string[] = []
      const finished: string[] = []
      await consume(
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
      await queue.add(batches)
      await until('both are in hand', () => taken.length === 2)
      rival.child.kill('SIGCONT')
      const takenByRival: string[] = []
      rival.child.stdout?.on('data', data => takenByRival.push(String(data)))
      await until('both are finished', () => finished.length === 2)
      await settled()
      expect(takenByRival).toEqual([])
      expect(taken.toSorted()).toEqual(batches.map(b => b.id).toSorted())
      expect(errors).toEqual([])
    })

    it('waits on close for what is in hand and takes nothing new', async () => {
      const gate = deferred()
      const finished: string[] = []
      const [first, second] = [aBatch(), aBatch()]
      await queue.add([first])
      const consumer = await consume(async batch => {
        await gate.promise
        finished.push(batch.id)
      })
      await until('the batch is active', async () => (await queue.state(first.id)) === 'active')
      let closed = false
      const closing = consumer.close().then(() => {
        closed = true
      })
      await queue.add([second])
      await until('it is left waiting', async () => (await queue.state(second.id)) === 'waiting')
      expect(closed).toBe(false)
      gate.resolve()
      await closing
      expect(finished).toEqual([first.id])
      expect(await queue.state(first.id)).toBe('absent')
      expect(await queue.state(second.id)).toBe('waiting')
    })

    it('hands back on abort what is in hand, without counting a delivery', async () => {
      const batches = [aBatch(), aBatch(), aBatch()]
      await queue.add(batches)
      for (let round = 0; round < 4; round++) {
        let inHand = 0
        const consumer = await consume(
          (_, signal) =>
            new Promise((_, reject) => {
              inHand++
              signal.addEventListener('abort', () => reject(signal.reason), { once: true })
            }),
        )
        await until('two are in hand', () => inHand === 2)
        await consumer.abort()
        expect(await queue.counts()).toEqual({ waiting: 3, active: 0, delayed: 0, failed: 0 })
      }
      const delivered: string[] = []
      await consume(async batch => void delivered.push(batch.id))
      await settled()
      expect(delivered.toSorted()).toEqual(batches.map(b => b.id).toSorted())
    })

    it('lets go on abort of a handler that does not stop; its batch comes back when the lock expires', async () => {
      const batch = aBatch()
      const never = deferred()
      let inHand = 0
      await queue.add([batch])
      const handle = async () => {
        inHand++
        await never.promise
      }
      const consumer = await consume(handle, { lockMs: SHORT_LOCK_MS })
      await until('the batch is in hand', () => inHand === 1)
      await consumer.abort()
      const delivered: string[] = []
      await consume(async b => void delivered.push(b.id), { lockMs: SHORT_LOCK_MS })
      await until('the batch is delivered again', () => delivered.includes(batch.id))
      never.resolve()
    })

    it('aborts a consumer that is already closing', async () => {
      let inHand = 0
      await queue.add([aBatch()])
      const consumer = await consume(
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
      expect(await queue.counts()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
    })

    it('delivers a batch again after its worker was killed, more often than once', async () => {
      const batch = aBatch()
      await queue.add([batch])
      for (let round = 0; round < 3; round++) {
        const { child } = await startConsumer('consumeForever')
        expect(await queue.state(batch.id)).toBe('active')
        await kill(child)
      }
      const delivered: string[] = []
      await consume(async b => void delivered.push(b.id), { lockMs: SHORT_LOCK_MS })
      await until('the batch is delivered', () => delivered.includes(batch.id))
      await settled()
      expect(await queue.counts()).toMatchObject({ failed: 0 })
    }, 120_000)

    it('gives each of 1,000 batches to one of two consumers', async () => {
      const batches = Array.from({ length: 1000 }, () => aBatch())
      const other = await open()
      const delivered: string[] = []
      await consume(async batch => void delivered.push(batch.id), { concurrency: 8 })
      await consume(async batch => void delivered.push(batch.id), { concurrency: 8 }, other)
      await queue.add(batches)
      await until('all are delivered', () => delivered.length >= 1000, 50_000)
      await settled()
      expect(delivered.toSorted()).toEqual(batches.map(b => b.id).toSorted())
      await other.close()
    })

    it('opens from ten clients at once', async () => {
      const queues = await Promise.all(Array.from({ length: 10 }, () => open()))
      await Promise.all(queues.map(q => q.add([aBatch()])))
      expect(await queue.counts()).toMatchObject({ waiting: 10 })
      await Promise.all(queues.map(q => q.close()))
    })

    it('keeps no process alive once it is closed, however often', async () => {
      await queue.add([aBatch()])
      const { child, line } = await startConsumer('consumeOneAndClose')
      expect(line).toBe('closed')
      await until('the process has ended', () => child.exitCode !== null, 5_000)
      expect(child.exitCode).toBe(0)
      expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    it('refuses commands once it is closed', async () => {
      const closed = await open()
      await closed.close()
      await expect(closed.add([aBatch()])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    })

    // A native server may be somebody's own; it is not the tests' to kill.
    if (kind.name === 'native Postgres') return

    it('goes on when the server was killed and came back', async () => {
      const batches = Array.from({ length: 60 }, () => aBatch())
      const done = new Set<string>()
      const other = await open({ attempts: 8, backoffMs: 100 })
      const handle = async (batch: Batch) => void done.add(batch.id)
      const consumers = await Promise.all([
        consume(handle, { lockMs: SHORT_LOCK_MS }, other),
        consume(handle, { lockMs: SHORT_LOCK_MS }, other),
      ])
      await other.add(batches.slice(0, 30))
      await until('some are done', () => done.size > 5)
      await server.kill!()
      await expect(queue.add([aBatch()])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
      await expect(open()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
      await server.restart!()
      await other.add(batches.slice(30))
      await until('all are done', () => done.size === 60)
      await settled()
      expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
      await Promise.all(consumers.map(c => c.close()))
      await other.close()
    })

    it('closes while the server is away', async () => {
      const other = await open()
      const consumer = await consume(async () => {}, {}, other)
      await server.kill!()
      await consumer.close()
      await other.close()
      await server.restart!()
    })
  })
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function computeFor(ms: number): void {
  const end = Date.now() + ms
  while (Date.now() < end);
}
