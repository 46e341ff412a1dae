import { getEventListeners } from 'node:events'
import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError, HostPausedError, PhotoError } from '../../../src/domain/errors.js'
import type { LabelSet } from '../../../src/domain/labels.js'
import { copyUrl } from '../../../src/domain/places/copy-key.js'
import type { Batch } from '../../../src/domain/ports/queue.js'
import { CircuitBreaker } from '../../../src/workers/delivery/circuit-breaker.js'
import { LabelPromptCache } from '../../../src/workers/stages/label.js'
import { createLimits } from '../../../src/workers/stages/prepare.js'
import { type BatchDeps, type BatchReport, processBatch } from '../../../src/workers/stages/process-batch.js'
import { StageClock } from '../../../src/workers/stages/stage-clock.js'
import { aBatch, photoRefs } from '../../queue/batches.js'
import { deferred } from '../../support/deferred.js'
import { NO_PLACES } from '../../support/no-places.js'
import { until } from '../../support/until.js'
import {
  ALL_WELL,
  type Events,
  FakeEncoder,
  FakeImages,
  FakeLabels,
  FakeQueue,
  FakeRepository,
  FakeRuns,
  MODEL_ID,
  meanColour,
} from '../fakes.js'

const SET: LabelSet = { name: 'taken_time', template: 'A photo taken at {label}', labels: ['dawn', 'night'] }

describe('processing a batch', () => {
  let events: Events
  let repository: FakeRepository
  let labels: FakeLabels
  let queue: FakeQueue
  let encoder: FakeEncoder
  let images: FakeImages
  let runs: FakeRuns
  let breaker: CircuitBreaker
  let deps: BatchDeps
  const controller = () => new AbortController()
  const never = controller().signal

  let leave: AbortController

  beforeEach(() => {
    leave = new AbortController()
    events = []
    repository = new FakeRepository(events)
    labels = new FakeLabels()
    queue = new FakeQueue()
    encoder = new FakeEncoder(events)
    images = new FakeImages(events)
    runs = new FakeRuns()
    breaker = new CircuitBreaker(ALL_WELL, pino({ level: 'silent' }))
    deps = {
      repository,
      places: NO_PLACES,
      queue,
      labelPrompts: new LabelPromptCache({ labels, runs, labelSets: new Map([[SET.name, SET]]) }),
      pipeline: images,
      limits: createLimits({ downloadConcurrency: 16, decodeConcurrency: 2 }),
      retry: { maxAttempts: 3, baseMs: 1000, random: () => 0 },
      breaker,
      clock: new StageClock(),
      logger: pino({ level: 'silent' }),
    }
  })
  afterEach(() => {
    breaker.close()
    // They outlive all batches.
    for (const signal of [never, leave.signal]) expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  const process = (batch: Batch, signal = never): Promise<BatchReport> =>
    processBatch(batch, { encoder, modelId: MODEL_ID }, deps, { stop: signal, leave: leave.signal })

  const batchOf = (count: number, changes: Partial<Batch> = {}) => aBatch({ photos: photoRefs(count, 'p'), ...changes })

  test('tells where the copies of photos that it does not embed may lie', async () => {
    images.onDownload = async ({ id }) => {
      if (id === 'p-1') throw new PhotoError('FILE_NOT_FOUND', 'gone')
    }
    await process(batchOf(2, { store: true }))
    expect(repository.outcomes[0]!.possibleCopies).toEqual({ 'p-1': 'copies/p-1.jpg' })
  })

  test('keeps what it has downloaded while the database takes no writes', async () => {
    repository.failingWrites = 2
    repository.writeError = new AppError('DATABASE_UNAVAILABLE', 'it is read-only')
    expect(await process(batchOf(3))).toEqual({ embedded: 3, failed: 0, retried: 0, skipped: 0 })
    expect(events.filter(event => event.startsWith('download'))).toHaveLength(3)
    expect(repository.embedded.size).toBe(3)
    expect(breaker.trouble).toBeNull()
  })

  test('embeds every photo and writes them in one transaction', async () => {
    images.colour('p-1', [0, 0, 255])
    const batch = batchOf(3)
    const report = await process(batch)
    expect(report).toEqual({ embedded: 3, failed: 0, retried: 0, skipped: 0 })
    expect(repository.outcomes).toHaveLength(1)
    expect(repository.outcomes[0]).toMatchObject({ parentId: batch.id, modelId: MODEL_ID, failures: [] })
    expect(repository.embedded.get('p-1')).toEqual({
      embedding: meanColour(Uint8Array.from([0, 0, 255])),
      storedKey: 'copies/p-1.jpg',
    })
    expect(encoder.calls).toEqual([3])
  })

  test('keeps no copy when the batch says so', async () => {
    images.onStore = async () => {
      throw new Error('must not be called')
    }
    await process(batchOf(1, { store: false }))
    expect(repository.embedded.get('p-0')?.storedKey).toBeNull()
  })

  test('waits with photos whose stored copies cannot be read, because the store is away', async () => {
    const away = async () => {
      throw new AppError('STORE_UNREACHABLE', 'no answer')
    }
    breaker.close()
    breaker = new CircuitBreaker({ ...ALL_WELL, store: away }, pino({ level: 'silent' }))
    deps = { ...deps, breaker }
    const photos = photoRefs(3, 'p').map(({ id }) => ({ id, url: copyUrl(`h512-q65/${id}.jpg`) }))
    for (const { id } of photos) images.fails(id, 'STORE_FAILED')
    const report = await process(aBatch({ photos, store: false, attempt: 3 }))
    expect([report, repository.failures.size]).toEqual([{ embedded: 0, failed: 0, retried: 3, skipped: 0 }, 0])
    expect(breaker.isOpen('store')).toBe(true)
    expect(queue.added).toMatchObject([{ batch: { attempt: 3, outages: 1, photos } }])
  })

  test('records a photo that failed for good with its code, beside those that did not', async () => {
    images.fails('p-0', 'HTTP_404')
    const report = await process(batchOf(3))
    expect(report).toEqual({ embedded: 2, failed: 1, retried: 0, skipped: 0 })
    expect(repository.outcomes[0]?.failures).toEqual([
      { photoId: 'p-0', code: 'HTTP_404', message: 'made to fail with HTTP_404', attempts: 1 },
    ])
    expect(queue.added).toEqual([])
  })

  test('puts photos that may succeed later into a batch of their own, and leaves the parent unsettled', async () => {
    images.fails('p-0', 'HTTP_503').fails('p-2', 'TIMEOUT').fails('p-3', 'HTTP_404')
    const batch = batchOf(5, { labelSets: [SET.name] })
    const report = await process(batch)
    expect(report).toEqual({ embedded: 2, failed: 1, retried: 2, skipped: 0 })
    expect(queue.added).toHaveLength(1)
    const { batch: retry, delayMs } = queue.added[0]!
    expect(retry).toEqual({
      ...batch,
      id: retry.id,
      attempt: 2,
      photos: [batch.photos[0], batch.photos[2]],
    })
    expect(retry.id).not.toBe(batch.id)
    expect(delayMs).toBe(500)
    expect([...repository.embedded.keys()]).toEqual(['p-1', 'p-4'])
    expect([...repository.failures.keys()]).toEqual(['p-3'])

    images.downloads.length = 0
    expect(await process(retry)).toEqual({ embedded: 2, failed: 0, retried: 0, skipped: 0 })
    expect(images.downloads).toEqual(['p-0', 'p-2'])
    expect(repository.outcomes.at(-1)?.parentId).toBe(batch.id)
  })

  test('leaves a photo to those who have settled it while its download failed', async () => {
    images.fails('p-0', 'TIMEOUT').fails('p-1', 'HTTP_404')
    images.onDownload = async photo => {
      if (photo.id === 'p-2') return
      repository.embedded.set(photo.id, { embedding: new Float32Array(4), storedKey: null })
    }
    const report = await process(batchOf(3))
    expect(report).toEqual({ embedded: 1, failed: 0, retried: 0, skipped: 2 })
    expect(queue.added).toEqual([])
    expect(repository.failures.size).toBe(0)
  })

  test('tries a photo up to the limit, with pauses that double, then records it with the number of tries', async () => {
    images.fails('p-0', 'HTTP_503', 'HTTP_503', 'HTTP_429')
    let batch = batchOf(1)
    const delays: number[] = []
    for (let tries = 1; tries < 3; tries++) {
      expect(await process(batch)).toMatchObject({ retried: 1, failed: 0 })
      const { batch: next, delayMs } = queue.added.at(-1)!
      delays.push(delayMs)
      batch = next
    }
    expect(delays).toEqual([500, 1000])
    expect(await process(batch)).toEqual({ embedded: 0, failed: 1, retried: 0, skipped: 0 })
    expect(repository.failures.get('p-0')).toMatchObject({ code: 'HTTP_429', attempts: 3 })
    expect(queue.added).toHaveLength(2)
  })

  test('gives a retry that had failed in the queue another life', async () => {
    images.fails('p-0', 'TIMEOUT', 'TIMEOUT')
    await process(batchOf(1))
    const [first] = queue.added.splice(0)
    queue.failed.add(first!.batch.id)
    await process(batchOf(1))
    expect(queue.added.map(({ batch }) => batch.id)).toEqual([first!.batch.id])
  })

  test('skips on redelivery what is done, and still reports the batch', async () => {
    images.fails('p-3', 'HTTP_404')
    await process(batchOf(4))
    images.downloads.length = 0
    const report = await process(batchOf(4))
    expect(report).toEqual({ embedded: 0, failed: 0, retried: 0, skipped: 4 })
    expect(images.downloads).toEqual([])
    expect(encoder.calls).toEqual([4 - 1])
    expect(repository.outcomes[1]).toMatchObject({ embedded: [], failures: [] })
  })

  test('does again, and only once in effect, what a crash between retry and transaction cut off', async () => {
    images.fails('p-1', 'TIMEOUT', 'TIMEOUT')
    repository.failingWrites = 1
    const batch = batchOf(2)
    await expect(process(batch)).rejects.toThrow('a deadlock')
    expect(queue.added).toHaveLength(1)
    expect(repository.embedded.size).toBe(0)

    await process(batch)
    expect(queue.added).toHaveLength(1)
    await process(queue.added[0]!.batch)
    expect([...repository.embedded.keys()].toSorted()).toEqual(['p-0', 'p-1'])
    expect(repository.failures.size).toBe(0)
  })

  test('rejects the batch, and stops its other photos, when something else than a photo is at fault', async () => {
    const breaker = deferred()
    images.onDownload = async (photo, signal) => {
      if (photo.id === 'p-0') {
        await breaker.promise
        throw new AppError('STORE_UNREACHABLE', 'no bucket')
      }
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const processing = process(batchOf(40))
    await until('as many downloads as allowed', () => images.inFlight === 16)
    breaker.resolve()
    await expect(processing).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(images.inFlight).toBe(0)
    expect(images.downloads).toHaveLength(16)
    expect(repository.outcomes).toEqual([])
  })

  test('takes a bug in a stage for a failure of that photo, tried again and then recorded', async () => {
    const bug = new TypeError('undefined is not a function')
    images.fails('p-1', bug, bug, bug)
    expect(await process(batchOf(3))).toEqual({ embedded: 2, failed: 0, retried: 1, skipped: 0 })
    await process(queue.added[0]!.batch)
    expect(await process(queue.added[1]!.batch)).toEqual({ embedded: 0, failed: 1, retried: 0, skipped: 0 })
    expect(repository.failures.get('p-1')).toMatchObject({
      code: 'INTERNAL_ERROR',
      message: 'TypeError: undefined is not a function',
      attempts: 3,
    })
  })

  test('stops in the middle when aborted, with nothing written and nothing under way', async () => {
    const stop = controller()
    images.onDownload = async (photo, signal) => {
      if (photo.id === 'p-0') return
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new PhotoError('TIMEOUT', 'cut'))))
    }
    const processing = process(batchOf(40), stop.signal)
    await until('downloads are under way', () => images.inFlight === 16)
    stop.abort(new AppError('INTERRUPTED', 'stop'))
    await expect(processing).rejects.toMatchObject({ code: 'INTERRUPTED' })
    expect(images.inFlight).toBe(0)
    expect(repository.outcomes).toEqual([])
    expect(queue.added).toEqual([])
  })

  test('begins no photo after it is told to leave: what is under way is written, the others are for the next', async () => {
    const gate = deferred()
    images.onDownload = () => gate.promise
    const processing = process(batchOf(40))
    await until('downloads are under way', () => images.inFlight === 16)
    leave.abort(new Error('the worker ends'))
    gate.resolve()
    expect(await processing).toEqual({ embedded: 16, failed: 0, retried: 24, skipped: 0 })
    expect(queue.added).toMatchObject([{ delayMs: 0, batch: { attempt: 1 } }])
    expect(images.downloads).toHaveLength(16)
  })

  test('postpones the photos of a paused host at once; the others are embedded', async () => {
    const failure = new PhotoError('HOST_PAUSED', 'asks for pauses only')
    images.paused.set('paused.test', new HostPausedError('paused.test', 60_000, 1e9, failure))
    const photos = photoRefs(4, 'p').map((photo, i) => (i < 3 ? { ...photo, url: 'https://paused.test/x.jpg' } : photo))
    expect(await process(batchOf(0, { photos }))).toEqual({ embedded: 1, failed: 0, retried: 3, skipped: 0 })
    expect(queue.added).toMatchObject([{ batch: { attempt: 1, photos: photos.slice(0, 3) } }])
    expect(queue.added[0]!.delayMs).toBeGreaterThanOrEqual(60_000)
    expect(images.downloads).toEqual(['p-3'])
  })

  test('counts no attempt while there is no network, and counts it when one host is dead', async () => {
    const unreached = () =>
      new PhotoError('DNS_FAILED', 'p', { cause: Object.assign(new Error(), { code: 'EAI_AGAIN' }) })
    let isOffline = true
    const probes = {
      ...ALL_WELL,
      network: async () => {
        if (isOffline) throw new Error('no network: no name server answers')
      },
    }
    breaker.close()
    breaker = new CircuitBreaker(probes, pino({ level: 'silent' }))
    deps = { ...deps, breaker }
    images.fails('p-0', unreached()).fails('p-1', unreached())
    const batch = batchOf(3, { attempt: 3 })
    expect(await process(batch)).toEqual({ embedded: 1, failed: 0, retried: 2, skipped: 0 })
    expect(queue.added).toMatchObject([{ batch: { attempt: 3, postponements: 1 } }])
    expect(breaker.trouble).toBe('the network is away: no network: no name server answers')
    expect(breaker.holds(true)).toBe(true)
    expect(breaker.holds(false)).toBe(false)

    // While it is away, nothing is asked, and files are read.
    images.downloads.length = 0
    const [remote, local] = photoRefs(2, 'q')
    const mixed = batchOf(0, { photos: [remote!, { ...local!, url: 'file:///photos/1.jpg' }] })
    expect(await process(mixed)).toMatchObject({ embedded: 1, retried: 1 })
    expect(images.downloads).toEqual([local!.id])

    isOffline = false
    await until('the network is back', () => !breaker.isOpen('network'))
    images.fails('p-0', unreached())
    expect(await process(queue.added[0]!.batch)).toMatchObject({ embedded: 1, failed: 1 })
    expect(repository.failures.get('p-0')).toMatchObject({ code: 'DNS_FAILED', attempts: 3 })
  })

  test('finds the one photo that cannot be encoded', async () => {
    images.colour('p-1', [0, 0, 0])
    const report = await process(batchOf(3))
    expect(report).toEqual({ embedded: 2, failed: 1, retried: 0, skipped: 0 })
    expect(encoder.calls).toEqual([3, 1, 1, 1])
    expect(repository.failures.get('p-1')).toMatchObject({ code: 'ENCODE_FAILED', attempts: 1 })
  })

  test('encodes nothing when every photo failed', async () => {
    images.fails('p-0', 'HTTP_404')
    await process(batchOf(1))
    expect(encoder.calls).toEqual([])
  })

  test('embeds a photo once that is in the batch twice', async () => {
    const [photo] = photoRefs(1, 'p')
    const report = await process(batchOf(0, { photos: [photo!, photo!] }))
    expect(report).toEqual({ embedded: 1, failed: 0, retried: 0, skipped: 0 })
  })

  test('stores the prompts of a label set once, before anything is downloaded', async () => {
    await process(batchOf(2, { labelSets: [SET.name] }))
    await process(aBatch({ labelSets: [SET.name] }))
    expect(labels.saved).toHaveLength(1)
    expect(labels.saved[0]?.embeddings).toHaveLength(2)
    expect(repository.outcomes[0]?.labelSets).toEqual([SET.name])
  })

  test('tries the prompts again after a failure', async () => {
    labels.failingLookups = 1
    const batch = batchOf(1, { labelSets: [SET.name] })
    await expect(process(batch)).rejects.toThrow('a deadlock')
    await process(batch)
    expect(labels.saved).toHaveLength(1)
  })

  test('refuses a batch with a label set that it does not have', async () => {
    await expect(process(batchOf(1, { labelSets: ['weather'] }))).rejects.toMatchObject({
      code: 'LABEL_SET_INVALID',
      message: expect.stringMatching(/weather.*taken_time.*LABELS_DIR/s),
    })
    expect(images.downloads).toEqual([])
  })

  test('downloads for one batch while it encodes another', async () => {
    const breaker = deferred()
    encoder.breaker = breaker.promise
    const first = process(aBatch({ photos: photoRefs(2, 'a') }))
    await until('the first is being encoded', () => events.includes('encode 2'))
    encoder.breaker = undefined
    const second = process(aBatch({ photos: photoRefs(3, 'b') }))
    await second
    expect(events).toEqual([
      ...['download a-0', 'download a-1', 'encode 2'],
      ...['download b-0', 'download b-1', 'download b-2', 'encode 3', 'write 3'],
    ])
    breaker.resolve()
    await first
    expect(events.at(-1)).toBe('write 2')
  })

  test('bounds the photos in flight and being decoded over all batches together', async () => {
    images.onDownload = () => tick()
    images.onDecode = () => tick()
    deps = { ...deps, limits: createLimits({ downloadConcurrency: 5, decodeConcurrency: 2 }) }
    await Promise.all(['a', 'b', 'c', 'd'].map(name => process(aBatch({ photos: photoRefs(50, name) }))))
    expect(repository.embedded.size).toBe(200)
    expect(images.mostInFlight).toBe(5)
    expect(images.mostDecoding).toBe(2)
  })
})
