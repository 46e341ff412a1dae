import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.js'
import type { PromptAnswer, PromptRequests } from '../../src/domain/ports/prompts.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { type RunningWorker, startWorker, type WorkerDeps, type WorkerOptions } from '../../src/workers/worker.js'
import { openQueue, type QueueServer, SERVER_KINDS } from '../queue/backends.js'
import { aBatch, photoRefs } from '../queue/batches.js'
import { deferred } from '../support/deferred.js'
import { NO_PLACES } from '../support/no-places.js'
import { until } from '../support/until.js'
import {
  ALL_WELL,
  type Events,
  FakeEncoder,
  FakeImages,
  FakeLabels,
  FakeRepository,
  FakeRuns,
  oneModel,
} from './fakes.js'

for (const kind of SERVER_KINDS.filter(({ name }) => name !== 'native Postgres'))
  describe.skipIf(!kind.available())(`a worker with its queue on ${kind.name}`, () => {
    let server: QueueServer
    let queue: BullmqQueue
    let events: Events
    let repository: FakeRepository
    let encoder: FakeEncoder
    let images: FakeImages
    let runs: FakeRuns
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
      runs = new FakeRuns()
      workers = []
    })
    afterEach(async () => {
      await Promise.all(workers.map(worker => worker.abort()))
      await queue.close()
    })

    const start = async (
      options: Partial<WorkerOptions> = {},
      deps: Partial<WorkerDeps> = {},
    ): Promise<RunningWorker> => {
      const worker = await startWorker(
        {
          repository,
          runs,
          places: NO_PLACES,
          reports: runs,
          labels: new FakeLabels(),
          labelSets: new Map(),
          models: oneModel(encoder),
          queue,
          imagePipeline: images,
          probes: ALL_WELL,
          logger: pino({ level: 'silent' }),
          ...deps,
        },
        {
          model: 'test@fp32',
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

    test('works the queue off and ends, photos to be tried again included', async () => {
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

    test('ends at once when there is nothing to do', async () => {
      const worker = await start({ untilIdle: true })
      await worker.done
      expect(worker.stats()).toMatchObject({ batches: 0, embedded: 0 })
    })

    test('embeds the prompts that it is asked for, unless its model knows no words', async () => {
      const asked = [{ id: 1, prompt: 'a dog' }]
      const answers: PromptAnswer[] = []
      let looks = 0
      const prompts: PromptRequests = {
        claim: async () => {
          looks++
          return asked.splice(0)
        },
        answer: async given => void answers.push(...given),
        release: async () => {},
        listen: async () => null,
      }
      encoder.hasTexts = false
      const dumb = await start({}, { prompts })
      await dumb.close()
      expect(looks).toBe(0)
      encoder.hasTexts = true
      await start({}, { prompts })
      await until('the answer', () => answers.length > 0)
      expect(answers).toEqual([{ id: 1, embedding: (await encoder.encodeTexts(['a dog']))[0] }])
    })

    test('tries a batch again that could not be written', async () => {
      repository.failingWrites = 2
      await queue.add([aBatch({ photos: photoRefs(2, 'a') })])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect(repository.embedded.size).toBe(2)
      expect(worker.stats()).toMatchObject({ batches: 1, rejected: 2 })
    })

    test('downloads the next batch while it encodes one', async () => {
      const breaker = deferred()
      encoder.breaker = breaker.promise
      await start()
      await queue.add([aBatch({ photos: photoRefs(2, 'a') })])
      await until('the first is being encoded', () => encoder.calls.length === 1)
      await queue.add([aBatch({ photos: photoRefs(2, 'b') })])
      await until('the second is ready to be encoded', () => encoder.calls.length === 2)
      expect(events).toEqual([
        ...['download a-0', 'download a-1', 'encode 2'],
        ...['download b-0', 'download b-1', 'encode 2'],
      ])
      breaker.resolve()
      await until('both are written', () => repository.embedded.size === 4)
    })

    test('finishes on close what is in hand', async () => {
      const breaker = deferred()
      encoder.breaker = breaker.promise
      await queue.add(['a', 'b', 'c'].map(name => aBatch({ photos: photoRefs(2, name) })))
      const worker = await start()
      await until('two batches are being encoded', () => encoder.calls.length === 2)
      const closing = worker.close()
      breaker.resolve()
      await closing
      await worker.done
      expect(repository.embedded.size).toBe(4)
      expect(await queue.counts()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
    })

    test('hands back on abort what is in hand, and another worker does it', async () => {
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

    test('says what it does, from the start, and leaves at the end', async () => {
      const worker = await start()
      expect(runs.reports).toMatchObject([
        { model: 'test@fp32', pid: process.pid, embedded: 0, failed: 0, inHand: {}, trouble: null },
      ])
      expect(runs.left).toEqual([])
      await worker.close()
      expect(runs.left).toEqual([runs.reports[0]!.id])
    })

    test('sets aside what belongs to a run that is paused', async () => {
      runs.control = 'paused'
      const batch = aBatch({ photos: photoRefs(2, 'a') })
      await queue.add([batch])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect(runs.setAsideIds).toEqual([batch.id])
      expect(await queue.state(batch.id)).toBe('absent')
      expect(worker.stats()).toMatchObject({ batches: 0, setAside: 1, rejected: 0, deferred: 0 })
    })

    test('goes on by itself after the database was away, however often, with every try left', async () => {
      repository.away = new AppError('DATABASE_UNREACHABLE', 'gone')
      let isAway = true
      const batch = aBatch({ photos: photoRefs(2, 'a') })
      await queue.add([batch])
      const database = async () => {
        if (isAway) throw new Error('gone')
      }
      const worker = await start({ untilIdle: true }, { probes: { ...ALL_WELL, database } })
      await until('it is known to be away', () => worker.trouble() === 'the database is away: gone')
      isAway = false
      repository.away = undefined
      await worker.done
      expect(repository.embedded.size).toBe(2)
      expect(worker.stats()).toMatchObject({ batches: 1, rejected: 0 })
      expect(worker.stats().deferred).toBeGreaterThan(0)
      expect(runs.givenUp).toEqual([])
    })

    test('ends soon when it is asked to while something is away, and hands back what it has in hand', async () => {
      const hanging = deferred()
      images.onStore = () => hanging.promise
      const batch = aBatch({ photos: photoRefs(2, 'a') })
      await queue.add([batch])
      const store = () => Promise.reject(new Error('gone'))
      const worker = await start({}, { probes: { ...ALL_WELL, store } })
      await until('they are being stored', () => images.storing === 2)
      await worker.close()
      expect(await queue.state(batch.id)).toBe('waiting')
      expect(worker.stats()).toMatchObject({ batches: 0, rejected: 0 })
      hanging.resolve()
    })

    test('gives up a batch that is never right, says why, and goes on', async () => {
      const wrong = aBatch({ labelSets: ['weather'] })
      const broken = aBatch({ photos: photoRefs(1, 'a') })
      images.colour('a-0', [1, 2, 3])
      const encode = encoder.encodeImages.bind(encoder)
      encoder.encodeImages = async pixels => {
        if (pixels[0]?.[0] === 1) throw new TypeError('a bug')
        return encode(pixels)
      }
      await queue.add([wrong, broken, aBatch({ photos: photoRefs(1, 'b') })])
      const worker = await start({ untilIdle: true })
      await worker.done
      expect([...repository.embedded.keys()]).toEqual(['b-0'])
      expect(await queue.state(wrong.id)).toBe('failed')
      expect(await queue.counts()).toMatchObject({ failed: 2 })
      expect(worker.stats()).toMatchObject({ batches: 1, rejected: 16 })
      expect(runs.givenUp.toSorted((a, b) => a.code.localeCompare(b.code))).toEqual([
        { parentId: wrong.id, code: 'LABEL_SET_INVALID', message: expect.stringContaining('weather') },
        { parentId: broken.id, code: 'WORKER_FAILED', message: 'a bug' },
      ])
    })
  })
