import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError, HostPausedError, PhotoError } from '../../../src/domain/errors.js'
import type { LabelSet } from '../../../src/domain/labels.js'
import { type Batch, type Delivery, RetryLaterError, UnrecoverableBatchError } from '../../../src/domain/ports/queue.js'
import { CircuitBreaker } from '../../../src/workers/delivery/circuit-breaker.js'
import { EncoderPool } from '../../../src/workers/delivery/encoder-pool.js'
import { IsolationLock } from '../../../src/workers/delivery/isolation-lock.js'
import { type DeliveryDeps, takeDelivery } from '../../../src/workers/delivery/take-delivery.js'
import { WrongModelAttempts } from '../../../src/workers/delivery/wrong-model-attempts.js'
import { LabelPromptCache } from '../../../src/workers/stages/label.js'
import { createLimits } from '../../../src/workers/stages/prepare.js'
import { StageClock } from '../../../src/workers/stages/stage-clock.js'
import { aBatch, photoRefs } from '../../queue/batches.js'
import { deferred } from '../../support/deferred.js'
import { NO_PLACES } from '../../support/no-places.js'
import { until } from '../../support/until.js'
import {
  ALL_WELL,
  FakeEncoder,
  FakeImages,
  FakeLabels,
  FakeQueue,
  FakeRepository,
  FakeRuns,
  oneModel,
} from '../fakes.js'

const SET: LabelSet = { name: 'season', template: 'in {label}', labels: ['spring', 'winter'] }

describe('a delivery', () => {
  let repository: FakeRepository
  let labels: FakeLabels
  let queue: FakeQueue
  let encoder: FakeEncoder
  let images: FakeImages
  let runs: FakeRuns
  let breaker: CircuitBreaker
  let isolation: IsolationLock
  let deps: DeliveryDeps
  let stop: AbortController
  let leave: AbortController

  beforeEach(() => {
    repository = new FakeRepository()
    labels = new FakeLabels()
    queue = new FakeQueue()
    encoder = new FakeEncoder()
    images = new FakeImages()
    runs = new FakeRuns()
    breaker = new CircuitBreaker(ALL_WELL, pino({ level: 'silent' }))
    isolation = new IsolationLock()
    stop = new AbortController()
    leave = new AbortController()
    deps = {
      repository,
      places: NO_PLACES,
      runs,
      queue,
      encoders: new EncoderPool(oneModel(encoder), repository),
      labelPrompts: new LabelPromptCache({ labels, runs, labelSets: new Map() }),
      pipeline: images,
      limits: createLimits({ downloadConcurrency: 16, decodeConcurrency: 2 }),
      retry: { maxAttempts: 3, baseMs: 1000, random: () => 0 },
      breaker,
      isolation,
      wrongModelAttempts: new WrongModelAttempts(0),
      clock: new StageClock(),
      logger: pino({ level: 'silent' }),
    }
  })
  afterEach(() => {
    breaker.close()
    isolation.close()
  })

  const take = (batch: Batch, delivery: Partial<Delivery> = {}) =>
    takeDelivery(batch, { stalls: 0, attempt: 1, isLast: false, ...delivery }, deps, {
      stop: stop.signal,
      leave: leave.signal,
    })
  const batchOf = (count: number, changes: Partial<Batch> = {}) => aBatch({ photos: photoRefs(count, 'p'), ...changes })

  describe('of a run that is not active', () => {
    test.each(['paused', 'cancelled'] as const)('is set aside when it is %s, and nothing is fetched', async control => {
      runs.control = control
      const batch = batchOf(3)
      expect(await take(batch)).toEqual({ kind: control })
      expect(runs.setAsideIds).toEqual([batch.id])
      expect(images.downloads).toEqual([])
    })

    test('is worked on when that has changed meanwhile', async () => {
      runs.control = 'paused'
      runs.setAside = async () => 'active'
      expect(await take(batchOf(3))).toMatchObject({ kind: 'worked', report: { embedded: 3 } })
    })
  })

  test('of a batch that was postponed goes back to the queue while all of its hosts are paused', async () => {
    const failure = new PhotoError('HOST_PAUSED', 'asks for pauses only')
    const paused = new HostPausedError('images.test', 60_000, 3_600_000, failure)
    const hosts = new Set(photoRefs(2, 'p').map(({ url }) => new URL(url).host))
    for (const host of hosts) images.paused.set(host, paused)
    const batch = batchOf(2, { postponedSince: Date.now() - 1000 })
    await expect(take(batch, { isLast: true })).rejects.toSatisfy(
      error => error instanceof RetryLaterError && error.delayMs >= 60_000 && error.delayMs <= 121_000,
    )
    expect(queue.added).toEqual([])
    // After the patience with its host it fails like any photo.
    expect(await take({ ...batch, attempt: 3, postponedSince: Date.now() - 3_600_000 })).toMatchObject({
      report: { failed: 2 },
    })
    expect(repository.failures.get('p-0')).toMatchObject({ code: 'HOST_PAUSED' })
    expect(images.downloads).toEqual([])
  })

  describe('of a batch that may have crashed a process', () => {
    test('is worked on, the first time', async () => {
      expect(await take(batchOf(3), { stalls: 1 })).toMatchObject({ kind: 'worked', report: { embedded: 3 } })
    })

    test('is split when it happened again; what is settled is left out', async () => {
      const batch = batchOf(5)
      repository.embedded.set('p-1', { embedding: new Float32Array(3), storedKey: null })
      expect(await take(batch, { stalls: 2 })).toEqual({ kind: 'split' })
      expect(
        queue.added.map(({ batch, delayMs }) => [batch.photos.map(photo => photo.id), batch.isolated, delayMs]),
      ).toEqual([
        [['p-0', 'p-2'], true, 0],
        [['p-3', 'p-4'], true, 0],
      ])
      expect(images.downloads).toEqual([])
      // Once more, as after a crash between the split and the end of the delivery.
      await take(batch, { stalls: 3 })
      expect(queue.added).toHaveLength(2)
    })

    test('ends for a single photo with its failure', async () => {
      const batch = batchOf(1, { isolated: true, labelSets: [SET.name] })
      expect(await take(batch, { stalls: 3 })).toMatchObject({ kind: 'worked', report: { failed: 1 } })
      expect(repository.failures.get('p-0')).toMatchObject({ code: 'CRASHED_WORKER', attempts: 1 })
      expect(images.downloads).toEqual([])
      // Its parent learns of it; labels are for photos that are embedded.
      expect(repository.outcomes).toMatchObject([{ parentId: batch.parentId, labelSets: [] }])
    })

    test('records no failure for a photo that is embedded by now', async () => {
      repository.embedded.set('p-0', { embedding: new Float32Array(3), storedKey: null })
      expect(await take(batchOf(1, { isolated: true }), { stalls: 3 })).toMatchObject({ report: { skipped: 1 } })
      expect(repository.failures.size).toBe(0)
    })

    test('waits for others to end, and they for it', async () => {
      const gates = [deferred(), deferred()]
      encoder.breaker = gates[0]!.promise
      const innocent = take(aBatch({ photos: photoRefs(2, 'a') }))
      await until('it is encoded', () => encoder.calls.length === 1)
      encoder.breaker = gates[1]!.promise
      const suspect = take(aBatch({ photos: photoRefs(2, 'b') }), { stalls: 1 })
      const later = take(aBatch({ photos: photoRefs(2, 'c') }))
      gates[0]!.resolve()
      await innocent
      await until('the suspect is encoded', () => encoder.calls.length === 2)
      expect(images.downloads.some(id => id.startsWith('c'))).toBe(false)
      gates[1]!.resolve()
      await Promise.all([suspect, later])
      expect(repository.embedded.size).toBe(6)
    })

    test('comes back later when another suspect is at work, and uses up no try', async () => {
      const busy = deferred()
      encoder.breaker = busy.promise
      const first = take(aBatch({ photos: photoRefs(1, 'a') }), { stalls: 1 })
      await until('it is encoded', () => encoder.calls.length === 1)
      await expect(take(aBatch({ photos: photoRefs(1, 'b') }), { stalls: 1 })).rejects.toThrow(RetryLaterError)
      busy.resolve()
      await first
    })

    test('is never in hand beside work when it is a single photo', async () => {
      const busy = deferred()
      encoder.breaker = busy.promise
      const ordinary = take(aBatch({ photos: photoRefs(1, 'a') }))
      await until('it is encoded', () => encoder.calls.length === 1)
      const single = batchOf(1, { isolated: true })
      await expect(take(single)).rejects.toThrow(RetryLaterError)
      busy.resolve()
      await ordinary
      expect(await take(single)).toMatchObject({ report: { embedded: 1 } })
    })
  })

  describe('while something is away', () => {
    test('is put off, and closes the breaker, when the database has gone in the middle', async () => {
      repository.away = new AppError('DATABASE_UNREACHABLE', 'gone')
      await expect(take(batchOf(3), { isLast: true })).rejects.toThrow(RetryLaterError)
      expect(breaker.isOpen('database')).toBe(true)
      expect(runs.givenUp).toEqual([])
    })

    test('is written all the same when the queue has gone; what has to be tried again is found by the next delivery', async () => {
      queue.away = new AppError('QUEUE_UNREACHABLE', 'gone')
      images.fails('p-1', 'TIMEOUT')
      const batch = batchOf(3)
      await expect(take(batch)).rejects.toThrow(RetryLaterError)
      expect([...repository.embedded.keys()]).toEqual(['p-0', 'p-2'])
      queue.away = undefined
      await until('the queue is back', () => !breaker.isOpen('queue'))
      images.downloads.length = 0
      await take(batch)
      expect(images.downloads).toEqual(['p-1'])
    })

    test('writes the photos whose copies were stored, and tries the others again without counting', async () => {
      images.onStore = async id => {
        if (id !== 'p-1') throw new PhotoError('STORE_FAILED', 'SlowDown')
      }
      const batch = batchOf(3, { attempt: 3 })
      expect(await take(batch)).toMatchObject({ report: { embedded: 1, retried: 2, failed: 0 } })
      expect(queue.added.map(({ batch }) => [batch.photos.length, batch.attempt, batch.outages])).toEqual([[2, 3, 1]])
      expect(repository.failures.size).toBe(0)
    })

    test('downloads nothing that could not be kept', async () => {
      images.onStore = async () => {
        throw new PhotoError('STORE_FAILED', 'ENOSPC')
      }
      deps = { ...deps, limits: createLimits({ downloadConcurrency: 4, decodeConcurrency: 2 }) }
      expect(await take(batchOf(64))).toMatchObject({ report: { retried: 64 } })
      expect(images.downloads.length).toBeLessThan(12)
    })

    test('waits in hand for the circuit breaker to close', async () => {
      breaker.recordFailure('database', new Error('gone'))
      const taken = take(batchOf(3))
      expect(images.downloads).toEqual([])
      expect(await taken).toMatchObject({ report: { embedded: 3 } })
    })

    test('goes back at once when the worker ends', async () => {
      deps = {
        ...deps,
        breaker: new CircuitBreaker(
          { ...ALL_WELL, database: () => Promise.reject(new Error('gone')) },
          pino({ level: 'silent' }),
        ),
      }
      deps.breaker.recordFailure('database', new Error('gone'))
      const taken = take(batchOf(3))
      leave.abort(new RetryLaterError(0, 'the worker ends'))
      await expect(taken).rejects.toThrow('the worker ends')
      deps.breaker.close()
    })
  })

  test('is let go soon when it is stopped while a store hangs', async () => {
    images.onStore = () => new Promise(() => {})
    const taken = take(batchOf(1))
    await until('it is being stored', () => images.storing === 1)
    stop.abort(new AppError('INTERRUPTED', 'stop'))
    await expect(taken).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  describe('that fails', () => {
    test('tells why when no other follows', async () => {
      encoder.encodeImages = async () => {
        throw new TypeError('a bug')
      }
      const batch = batchOf(1)
      await expect(take(batch)).rejects.toThrow(TypeError)
      expect(runs.givenUp).toEqual([])
      await expect(take(batch, { isLast: true })).rejects.toThrow(TypeError)
      expect(runs.givenUp).toEqual([{ parentId: batch.parentId, code: 'WORKER_FAILED', message: 'a bug' }])
    })

    test.each([
      ['files of another revision', { revision: 'r2' }, 'WORKER_FAILED', 'revision r1'],
      ['a model that is not known', { model: 'other@fp32' }, 'MODEL_UNKNOWN', 'other@fp32'],
    ])('is refused for %s: left to others for a while, then for good', async (_, changes, code, found) => {
      const batch = batchOf(1, changes)
      for (let times = 0; times < 10; times++)
        await expect(take(batch, { isLast: true })).rejects.toThrow(RetryLaterError)
      expect(runs.givenUp).toEqual([])
      await expect(take(batch, { isLast: true })).rejects.toMatchObject({ code })
      expect(runs.givenUp).toMatchObject([{ code, message: expect.stringContaining(found) }])
      expect(images.downloads).toEqual([])
    })
  })

  describe('with labels', () => {
    test('takes the definition that the run pinned, not the local file', async () => {
      runs.sets = [SET]
      const local = new Map([[SET.name, { ...SET, labels: ['summer', 'autumn'] }]])
      deps = { ...deps, labelPrompts: new LabelPromptCache({ labels, runs, labelSets: local }) }
      await take(batchOf(1, { labelSets: [SET.name] }))
      expect(labels.saved.map(({ set }) => set)).toEqual([SET])
    })

    test('has no hope when the run pinned others', async () => {
      runs.sets = [SET]
      await expect(take(batchOf(1, { labelSets: ['weather'] }))).rejects.toThrow(UnrecoverableBatchError)
      expect(runs.givenUp).toMatchObject([{ code: 'LABEL_SET_INVALID', message: expect.stringContaining('weather') }])
      expect(images.downloads).toEqual([])
    })

    test('has no hope when its model embeds images alone', async () => {
      encoder.hasTexts = false
      runs.sets = [SET]
      await expect(take(batchOf(1, { labelSets: [SET.name] }))).rejects.toThrow(UnrecoverableBatchError)
      expect(runs.givenUp).toMatchObject([
        { code: 'MODEL_WITHOUT_TEXT', message: expect.stringContaining('test@fp32 embeds only images') },
      ])
      expect(images.downloads).toEqual([])
      expect(await take(batchOf(1))).toMatchObject({ kind: 'worked', report: { embedded: 1 } })
    })

    test('may find a worker with the file when the run pinned none', async () => {
      await expect(take(batchOf(1, { labelSets: ['weather'] }))).rejects.toMatchObject({ code: 'LABEL_SET_INVALID' })
      expect(runs.givenUp).toEqual([])
    })
  })
})
