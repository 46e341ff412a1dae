import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError, PhotoError } from '../../../src/domain/errors.js'
import type { LabelSet } from '../../../src/domain/labels.js'
import type { Batch } from '../../../src/domain/ports/queue.js'
import { Gate } from '../../../src/workers/gate.js'
import { Prompts } from '../../../src/workers/label.js'
import { createLimits } from '../../../src/workers/prepare.js'
import { type BatchDeps, type BatchReport, processBatch } from '../../../src/workers/process-batch.js'
import { StageClock } from '../../../src/workers/stage-clock.js'
import { aBatch, photoRefs } from '../../queue/batches.js'
import { deferred } from '../../support/deferred.js'
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
} from './fakes.js'

const SET: LabelSet = { name: 'taken_time', template: 'A photo taken at {label}', labels: ['dawn', 'night'] }

describe('processing a batch', () => {
  let events: Events
  let repository: FakeRepository
  let labels: FakeLabels
  let queue: FakeQueue
  let encoder: FakeEncoder
  let images: FakeImages
  let runs: FakeRuns
  let gate: Gate
  let deps: BatchDeps
  const controller = () => new AbortController()
  const never = controller().signal

  beforeEach(() => {
    events = []
    repository = new FakeRepository(events)
    labels = new FakeLabels()
    queue = new FakeQueue()
    encoder = new FakeEncoder(events)
    images = new FakeImages(events)
    runs = new FakeRuns()
    gate = new Gate(ALL_WELL, pino({ level: 'silent' }))
    deps = {
      repository,
      queue,
      prompts: new Prompts({ labels, runs, labelSets: new Map([[SET.name, SET]]) }),
      pipeline: images,
      limits: createLimits({ downloadConcurrency: 16, decodeConcurrency: 2 }),
      retry: { maxAttempts: 3, baseMs: 1000, random: () => 0 },
      gate,
      clock: new StageClock(),
    }
  })
  afterEach(() => gate.close())

  const process = (batch: Batch, signal = never): Promise<BatchReport> =>
    processBatch(batch, { encoder, modelId: MODEL_ID }, deps, signal)

  const batchOf = (count: number, changes: Partial<Batch> = {}) => aBatch({ photos: photoRefs(count, 'p'), ...changes })

  it('embeds every photo and writes them in one transaction', async () => {
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

  it('keeps no copy when the batch says so', async () => {
    images.onStore = async () => {
      throw new Error('must not be called')
    }
    await process(batchOf(1, { store: false }))
    expect(repository.embedded.get('p-0')?.storedKey).toBeNull()
  })

  it('records a photo that failed for good with its code, beside those that did not', async () => {
    images.fails('p-0', 'HTTP_404')
    const report = await process(batchOf(3))
    expect(report).toEqual({ embedded: 2, failed: 1, retried: 0, skipped: 0 })
    expect(repository.outcomes[0]?.failures).toEqual([
      { photoId: 'p-0', code: 'HTTP_404', message: 'made to fail with HTTP_404', attempts: 1 },
    ])
    expect(queue.added).toEqual([])
  })

  it('puts photos that may succeed later into a batch of their own, and leaves the parent unsettled', async () => {
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

  it('leaves a photo to those who have settled it while its download failed', async () => {
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

  it('tries a photo up to the limit, with pauses that double, then records it with the number of tries', async () => {
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

  it('gives a retry that had failed in the queue another life', async () => {
    images.fails('p-0', 'TIMEOUT', 'TIMEOUT')
    await process(batchOf(1))
    const [first] = queue.added.splice(0)
    queue.failed.add(first!.batch.id)
    await process(batchOf(1))
    expect(queue.added.map(({ batch }) => batch.id)).toEqual([first!.batch.id])
  })

  it('skips on redelivery what is done, and still reports the batch', async () => {
    images.fails('p-3', 'HTTP_404')
    await process(batchOf(4))
    images.downloads.length = 0
    const report = await process(batchOf(4))
    expect(report).toEqual({ embedded: 0, failed: 0, retried: 0, skipped: 4 })
    expect(images.downloads).toEqual([])
    expect(encoder.calls).toEqual([4 - 1])
    expect(repository.outcomes[1]).toMatchObject({ embedded: [], failures: [] })
  })

  it('does again, and only once in effect, what a crash between retry and transaction cut off', async () => {
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

  it('rejects the batch, and stops its other photos, when something else than a photo is at fault', async () => {
    const gate = deferred()
    images.onDownload = async (photo, signal) => {
      if (photo.id === 'p-0') {
        await gate.promise
        throw new AppError('STORE_UNREACHABLE', 'no bucket')
      }
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const processing = process(batchOf(40))
    await until('as many downloads as allowed', () => images.inFlight === 16)
    gate.resolve()
    await expect(processing).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(images.inFlight).toBe(0)
    expect(images.downloads).toHaveLength(16)
    expect(repository.outcomes).toEqual([])
  })

  it('does not swallow a bug in a stage', async () => {
    images.fails('p-1', new TypeError('undefined is not a function'))
    await expect(process(batchOf(3))).rejects.toThrow(TypeError)
  })

  it('stops in the middle when aborted, with nothing written and nothing under way', async () => {
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

  it('finds the one photo that cannot be encoded', async () => {
    images.colour('p-1', [0, 0, 0])
    const report = await process(batchOf(3))
    expect(report).toEqual({ embedded: 2, failed: 1, retried: 0, skipped: 0 })
    expect(encoder.calls).toEqual([3, 1, 1, 1])
    expect(repository.failures.get('p-1')).toMatchObject({ code: 'ENCODE_FAILED', attempts: 1 })
  })

  it('encodes nothing when every photo failed', async () => {
    images.fails('p-0', 'HTTP_404')
    await process(batchOf(1))
    expect(encoder.calls).toEqual([])
  })

  it('embeds a photo once that is in the batch twice', async () => {
    const [photo] = photoRefs(1, 'p')
    const report = await process(batchOf(0, { photos: [photo!, photo!] }))
    expect(report).toEqual({ embedded: 1, failed: 0, retried: 0, skipped: 0 })
  })

  it('stores the prompts of a label set once, before anything is downloaded', async () => {
    await process(batchOf(2, { labelSets: [SET.name] }))
    await process(aBatch({ labelSets: [SET.name] }))
    expect(labels.saved).toHaveLength(1)
    expect(labels.saved[0]?.embeddings).toHaveLength(2)
    expect(repository.outcomes[0]?.labelSets).toEqual([SET.name])
  })

  it('tries the prompts again after a failure', async () => {
    labels.failingLookups = 1
    const batch = batchOf(1, { labelSets: [SET.name] })
    await expect(process(batch)).rejects.toThrow('a deadlock')
    await process(batch)
    expect(labels.saved).toHaveLength(1)
  })

  it('refuses a batch with a label set that it does not have', async () => {
    await expect(process(batchOf(1, { labelSets: ['weather'] }))).rejects.toMatchObject({
      code: 'LABEL_SET_INVALID',
      message: expect.stringMatching(/weather.*taken_time.*LABELS_DIR/s),
    })
    expect(images.downloads).toEqual([])
  })

  it('downloads for one batch while it encodes another', async () => {
    const gate = deferred()
    encoder.gate = gate.promise
    const first = process(aBatch({ photos: photoRefs(2, 'a') }))
    await until('the first is being encoded', () => events.includes('encode 2'))
    encoder.gate = undefined
    const second = process(aBatch({ photos: photoRefs(3, 'b') }))
    await second
    expect(events).toEqual([
      ...['download a-0', 'download a-1', 'encode 2'],
      ...['download b-0', 'download b-1', 'download b-2', 'encode 3', 'write 3'],
    ])
    gate.resolve()
    await first
    expect(events.at(-1)).toBe('write 2')
  })

  it('bounds the photos in flight and being decoded over all batches together', async () => {
    images.onDownload = () => tick()
    images.onDecode = () => tick()
    deps = { ...deps, limits: createLimits({ downloadConcurrency: 5, decodeConcurrency: 2 }) }
    await Promise.all(['a', 'b', 'c', 'd'].map(name => process(aBatch({ photos: photoRefs(50, name) }))))
    expect(repository.embedded.size).toBe(200)
    expect(images.mostInFlight).toBe(5)
    expect(images.mostDecoding).toBe(2)
  })
})
