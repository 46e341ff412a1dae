import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { BullmqQueue } from '../../../src/queue/bullmq-queue.js'
import { type RunningWorker, startWorker, type WorkerOptions } from '../../../src/workers/worker.js'
import { openQueue, type QueueServer, SERVER_KINDS } from '../../queue/backends.js'
import { aBatch, photoRefs } from '../../queue/batches.js'
import { deferred } from '../../support/deferred.js'
import { until } from '../../support/until.js'
import { type Events, FakeEncoder, FakeImages, FakeLabels, FakeRepository } from './fakes.js'

for (const kind of SERVER_KINDS.filter(({ name }) => name !== 'native Postgres'))
  describe.skipIf(!kind.available())(`a worker with its queue on ${kind.name}`, () => {
    let server: QueueServer
    let queue: BullmqQueue
    let events: Events
    let repository: FakeRepository
    let encoder: FakeEncoder
    let images: FakeImages
    let workers: RunningWorker[]

    beforeAll(async () => {
      server = await kind.start()
    })
    afterAll(async () => {
      await server.stop()
    })
    beforeEach(async () => {
      queue = await openQueue(server.address, { name: `test-${randomUUID().slice(0, 8)}`, backoffMs: 20 })
      events = []
      repository = new FakeRepository(events)
      encoder = new FakeEncoder(events)
      images = new FakeImages(events)
      workers = []
    })
    afterEach(async () => {
      await Promise.all(workers.map(worker => worker.abort()))
      await queue.close()
    })

    const start = async (options: Partial<WorkerOptions> = {}): Promise<RunningWorker> => {
      const worker = await startWorker(
        {
          repository,
          labels: new FakeLabels(),
          labelSets: new Map(),
          encoder,
          queue,
          imagePipeline: images,
          logger: pino({ level: 'silent' }),
        },
        {
          concurrency: 2,
          lockMs: 30_000,
          maxAttempts: 3,
          retryBaseMs: 20,
          downloadConcurrency: 8,
          decodeConcurrency: 2,
          ...options,
        },
      )
      workers.push(worker)
      return worker
    }

    it('works the queue off and ends, photos to be tried again included', async () => {
      images.fails('a-1', 'HTTP_404').fails('b-0', 'TIMEOUT', 'HTTP_503').fails('b-2', 'TIMEOUT', 'TIMEOUT', 'TIMEOUT')
      await queue.add([aBatch({ photos: photoRefs(3, 'a') }), aBatch({ photos: photoRefs(3, 'b') })])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect([...repository.embedded.keys()].toSorted()).toEqual(['a-0', 'a-2', 'b-0', 'b-1'])
      expect([...repository.failures.values()].map(f => [f.photoId, f.code, f.attempts]).toSorted()).toEqual([
        ['a-1', 'HTTP_404', 1],
        ['b-2', 'TIMEOUT', 3],
      ])
      expect(images.downloads.filter(id => id === 'b-0')).toHaveLength(3)
      expect(images.downloads.filter(id => id === 'b-1')).toHaveLength(1)
      expect(worker.stats()).toMatchObject({ batches: 4, embedded: 4, failed: 2, retried: 4, skipped: 0, rejected: 0 })
      expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    it('ends at once when there is nothing to do', async () => {
      const worker = await start({ untilIdle: true })
      await worker.done
      expect(worker.stats()).toMatchObject({ batches: 0, embedded: 0 })
    })

    it('tries a batch again when the database was away for a moment', async () => {
      repository.failingWrites = 2
      await queue.add([aBatch({ photos: photoRefs(2, 'a') })])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect(repository.embedded.size).toBe(2)
      expect(worker.stats()).toMatchObject({ batches: 1, rejected: 2 })
    })

    it('downloads the next batch while it encodes one', async () => {
      const gate = deferred()
      encoder.gate = gate.promise
      await start()
      await queue.add([aBatch({ photos: photoRefs(2, 'a') })])
      await until('the first is being encoded', () => encoder.calls.length === 1)
      await queue.add([aBatch({ photos: photoRefs(2, 'b') })])
      await until('the second is ready to be encoded', () => encoder.calls.length === 2)
      expect(events).toEqual([
        ...['download a-0', 'download a-1', 'encode 2'],
        ...['download b-0', 'download b-1', 'encode 2'],
      ])
      gate.resolve()
      await until('both are written', () => repository.embedded.size === 4)
    })

    it('finishes on close what is in hand', async () => {
      const gate = deferred()
      encoder.gate = gate.promise
      await queue.add(['a', 'b', 'c'].map(name => aBatch({ photos: photoRefs(2, name) })))
      const worker = await start()
      await until('two batches are being encoded', () => encoder.calls.length === 2)
      const closing = worker.close()
      gate.resolve()
      await closing
      await worker.done
      expect(repository.embedded.size).toBe(4)
      expect(await queue.counts()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
    })

    it('hands back on abort what is in hand, and another worker does it', async () => {
      images.onDownload = (_, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      await queue.add(['a', 'b'].map(name => aBatch({ photos: photoRefs(2, name) })))
      const worker = await start()
      await until('downloads are under way', () => images.inFlight === 4)
      await worker.abort()
      await worker.done
      expect(await queue.counts()).toEqual({ waiting: 2, active: 0, delayed: 0, failed: 0 })
      expect(worker.stats()).toMatchObject({ batches: 0, rejected: 0 })
      images.onDownload = async () => {}
      await (await start({ untilIdle: true })).done
      expect(repository.embedded.size).toBe(4)
    })

    it('gives up a batch that is never right, and goes on', async () => {
      const wrong = aBatch({ model: 'other@fp32' })
      images.fails('a-0', ...Array.from({ length: 20 }, () => new AppError('STORE_UNREACHABLE', 'no bucket')))
      await queue.add([wrong, aBatch({ photos: photoRefs(1, 'a') }), aBatch({ photos: photoRefs(1, 'b') })])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect([...repository.embedded.keys()]).toEqual(['b-0'])
      expect(await queue.state(wrong.id)).toBe('failed')
      expect(await queue.counts()).toMatchObject({ failed: 2 })
      expect(worker.stats()).toMatchObject({ batches: 1, rejected: 16 })
    })
  })
