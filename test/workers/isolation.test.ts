import fc from 'fast-check'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AppError,
  COMMAND_FAILURES,
  type CommandFailureCode,
  isRetryable,
  PHOTO_FAILURES,
  PhotoError,
  type PhotoFailureCode,
} from '../../src/domain/errors.js'
import type { PhotoRef } from '../../src/domain/photo.js'
import { RetryLaterError, UnrecoverableBatchError } from '../../src/domain/ports/queue.js'
import { loggable } from '../../src/domain/text/loggable.js'
import type { DecodedPhoto } from '../../src/images/decode.js'
import type { Preview } from '../../src/images/preview.js'
import { CircuitBreaker } from '../../src/workers/delivery/circuit-breaker.js'
import { outageOf } from '../../src/workers/delivery/outage.js'
import { failureOfPhoto } from '../../src/workers/photo-failure.js'
import type { Downloaded } from '../../src/workers/stages/download.js'
import { LabelPromptCache } from '../../src/workers/stages/label.js'
import { createLimits, type ImagePipeline } from '../../src/workers/stages/prepare.js'
import { type BatchDeps, processBatch } from '../../src/workers/stages/process-batch.js'
import { StageClock } from '../../src/workers/stages/stage-clock.js'
import { aBatch } from '../queue/batches.js'
import { NO_PLACES } from '../support/no-places.js'
import { ALL_WELL, FakeEncoder, FakeLabels, FakeQueue, FakeRepository, FakeRuns, MODEL_ID } from './fakes.js'

const STAGES = ['download', 'decode', 'storeCopy'] as const
type Stage = (typeof STAGES)[number]
const PHOTO_CODES = [...Object.keys(PHOTO_FAILURES), 'HTTP_404', 'HTTP_503'] as PhotoFailureCode[]
const COMMAND_CODES = Object.keys(COMMAND_FAILURES) as CommandFailureCode[]
const isOutage = (code: CommandFailureCode) => outageOf(new AppError(code, '')) !== null

/** What goes wrong with one photo: a stage throws, at once or later, or gives pixels that are no square. */
type Fault = { stage: Stage; thrown: unknown; isSync: boolean } | { bytes: number }

const unreadable = Object.assign(Object.create(null), { toString: null })
const message = fc.oneof(fc.string(), fc.constant('a\0b\ud800'))
const thrown: fc.Arbitrary<unknown> = fc.oneof(
  message.chain(text => fc.constantFrom(new Error(text), new RangeError(text), new TypeError(text))),
  message.map(text => new DOMException(text, 'AbortError')),
  fc.tuple(fc.constantFrom(...PHOTO_CODES), message).map(([code, text]) => new PhotoError(code, text)),
  fc.constantFrom(...COMMAND_CODES.filter(code => !isOutage(code))).map(code => new AppError(code, 'in a stage')),
  fc.anything(),
  fc.constantFrom(undefined, null, 0, '', Symbol('s'), unreadable),
)
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ stage: fc.constantFrom(...STAGES), thrown, isSync: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ bytes: fc.nat(40).filter(bytes => bytes !== 12) }) },
)
/** Of each photo what goes wrong with it, if anything does. */
const faults = fc.array(fc.option(fault), { minLength: 1, maxLength: 24 })

class FaultyImages implements ImagePipeline {
  /** Memory of pixels that was given and not released yet. */
  readonly held = new Set<Uint8Array>()

  constructor(private readonly faults: readonly (Fault | null)[]) {}

  download(photo: PhotoRef): Promise<Downloaded> {
    return this.#stage('download', indexOf(photo.id), index => ({ image: Buffer.from([index]), version: null }))
  }

  pausedFor(): null {
    return null
  }

  pausedHosts(): [] {
    return []
  }

  async readMetadata(): Promise<null> {
    return null
  }

  decode(image: Buffer): Promise<DecodedPhoto> {
    return this.#stage('decode', image[0]!, index => {
      const fault = this.faults[index]
      const square = new Uint8Array(fault && 'bytes' in fault ? fault.bytes : 12).fill(100)
      this.held.add(square)
      if (index % 2 === 0) return { square }
      const data = new Uint8Array(3)
      this.held.add(data)
      return { square, preview: { data, width: 1, height: 1, channels: 3, photo: { width: 2, height: 2 } } }
    })
  }

  copyKey(photoId: string): string {
    return `copies/${photoId}.jpg`
  }

  storeCopy(_source: Buffer | Preview, photoId: string): Promise<string> {
    return this.#stage('storeCopy', indexOf(photoId), () => `copies/${photoId}.jpg`)
  }

  release(pixels: Uint8Array): void {
    expect(this.held.delete(pixels), 'released once').toBe(true)
    pixels.fill(0)
  }

  #stage<T>(stage: Stage, index: number, work: (index: number) => T): Promise<T> {
    const fault = this.faults[index]
    const fails = fault && 'stage' in fault && fault.stage === stage ? fault : null
    if (fails?.isSync) throw fails.thrown
    return Promise.resolve().then(() => {
      if (fails) throw fails.thrown
      return work(index)
    })
  }
}

const idOf = (index: number) => `p-${index}`
const indexOf = (photoId: string) => Number(photoId.slice(2))

describe('photos of one batch', () => {
  let breaker: CircuitBreaker
  let repository: FakeRepository
  let queue: FakeQueue
  let logged: { photo: string; err: unknown }[]
  let images: FaultyImages

  beforeEach(() => {
    breaker = new CircuitBreaker(ALL_WELL, pino({ level: 'silent' }))
  })
  afterEach(() => breaker.close())

  const process = async (faults: readonly (Fault | null)[]) => {
    repository = new FakeRepository()
    queue = new FakeQueue()
    logged = []
    images = new FaultyImages(faults)
    const logger = pino({ serializers: { err: loggable } }, { write: (line: string) => logged.push(JSON.parse(line)) })
    const deps: BatchDeps = {
      repository,
      places: NO_PLACES,
      queue,
      labelPrompts: new LabelPromptCache({ labels: new FakeLabels(), runs: new FakeRuns(), labelSets: new Map() }),
      pipeline: images,
      limits: createLimits({ downloadConcurrency: 16, decodeConcurrency: 2 }),
      retry: { maxAttempts: 3, baseMs: 1000, random: () => 0 },
      breaker,
      clock: new StageClock(),
      logger,
    }
    const photos = faults.map((_, index) => ({ id: idOf(index), url: `https://images.test/${index}` }))
    const batch = aBatch({ photos })
    return processBatch(batch, { encoder: new FakeEncoder(), modelId: MODEL_ID }, deps, {
      stop: new AbortController().signal,
      leave: new AbortController().signal,
    })
  }

  test('are embedded whatever the stages of others throw; each of the others fails or is tried again, with a code', async () => {
    await fc.assert(
      fc.asyncProperty(faults, async faults => {
        const bad = faults.flatMap((fault, index) => (fault === null ? [] : [idOf(index)]))
        const report = await process(faults)
        expect(images.held.size).toBe(0)
        expect(report.embedded).toBe(faults.length - bad.length)
        expect(report.failed + report.retried).toBe(bad.length)
        const retried = queue.added.flatMap(({ batch }) => batch.photos.map(photo => photo.id))
        expect([...repository.failures.keys(), ...retried].toSorted()).toEqual(bad.toSorted())
        for (const { code } of repository.failures.values()) {
          expect(PHOTO_CODES).toContain(code)
          expect(isRetryable(code)).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('end with what went wrong when it goes wrong every time', () => {
    fc.assert(
      fc.property(thrown, thrown => {
        const failure = failureOfPhoto(thrown)
        expect(PHOTO_CODES).toContain(failure?.code)
        expect(failure?.message).toEqual(expect.any(String))
        if (!(thrown instanceof PhotoError)) expect(failure).toMatchObject({ code: 'INTERNAL_ERROR', cause: thrown })
      }),
    )
  })

  test('leave the stack of an unexpected error in the log, and of an expected one nothing', async () => {
    await process([
      { stage: 'decode', isSync: false, thrown: new TypeError('undefined is not a function') },
      { stage: 'download', isSync: false, thrown: new PhotoError('HTTP_404', 'gone') },
    ])
    expect(logged).toMatchObject([{ photo: 'p-0', err: { stack: expect.stringContaining('isolation.test.ts') } }])
  })

  test('that have no square of pixels reach neither the store nor the encoder', async () => {
    expect(await process([{ bytes: 8 }, null])).toMatchObject({ embedded: 1, retried: 1 })
    expect(logged).toMatchObject([{ err: { message: 'expected 12 bytes of pixels, found 8' } }])
  })

  test.each([
    ...COMMAND_CODES.filter(isOutage).map(code => [code, new AppError(code, 'away')] as const),
    ['RetryLaterError', new RetryLaterError(1000, 'later')] as const,
    ['UnrecoverableBatchError', new UnrecoverableBatchError('never')] as const,
  ])('are handed back together for %s, which is no fault of any of them', async (_, error) => {
    const faults = STAGES.map(stage => ({ stage, thrown: error, isSync: false }))
    await expect(process([null, ...faults])).rejects.toBe(error)
    expect(images.held.size).toBe(0)
    expect(repository.outcomes).toEqual([])
  })
})
