import { beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { ModelIdentity } from '../../../src/domain/model.js'
import { EncoderPool } from '../../../src/workers/delivery/encoder-pool.js'
import { until } from '../../support/until.js'
import { FakeEncoder, MODEL } from '../fakes.js'

/** Of any name; says when it is closed. */
class NamedEncoder extends FakeEncoder {
  override readonly model: ModelIdentity
  closed = false

  constructor(name: string, revision = 'r1') {
    super()
    this.model = { ...MODEL, name, revision }
  }

  override async close(): Promise<void> {
    this.closed = true
  }
}

describe('the encoders of a worker', () => {
  const { signal } = new AbortController()
  let revision: string
  let opened: NamedEncoder[]
  let registered: string[]
  let failing: Error | undefined
  let encoders: EncoderPool

  const of = (model: string, revision = 'r1') => ({ id: 'b', model: `${model}@fp32`, revision })
  const loaded = () => opened.filter(encoder => !encoder.closed).map(encoder => encoder.model.name)

  beforeEach(() => {
    revision = 'r1'
    opened = []
    registered = []
    failing = undefined
    encoders = new EncoderPool(
      {
        async identify(key) {
          const [name = '', precision = ''] = key.split('@')
          if (name === 'unknown') throw new AppError('MODEL_UNKNOWN', 'no such model')
          return { ...MODEL, name, precision, revision }
        },
        async open(key) {
          if (failing) throw failing
          const encoder = new NamedEncoder(key.split('@')[0]!, revision)
          opened.push(encoder)
          return encoder
        },
      },
      {
        async registerModel({ name, revision }) {
          registered.push(`${name} ${revision}`)
          return registered.length
        },
      },
    )
  })

  test('are loaded once, when a batch asks for them', async () => {
    await encoders.preload('a@fp32', signal)
    const [first, second] = await Promise.all([encoders.acquire(of('a'), signal), encoders.acquire(of('a'), signal)])
    expect(first.encoder).toBe(second.encoder)
    expect(loaded()).toEqual(['a'])
  })

  test('are at most two: the one used last the longest ago makes room', async () => {
    for (const name of ['a', 'b', 'a', 'c']) (await encoders.acquire(of(name), signal)).release()
    expect(loaded()).toEqual(['a', 'c'])
    await encoders.close()
    expect(loaded()).toEqual([])
  })

  test('are never closed while in use: a third model waits for one to be released', async () => {
    const a = await encoders.acquire(of('a'), signal)
    const b = await encoders.acquire(of('b'), signal)
    const c = encoders.acquire(of('c'), signal)
    // Whoever asks for a model that is loaded waits in turn, or a busy worker would never get to the third.
    const again = encoders.acquire(of('a'), signal)
    expect(loaded()).toEqual(['a', 'b'])
    b.release()
    expect((await c).encoder.model.name).toBe('c')
    expect((await again).encoder).toBe(a.encoder)
    expect(loaded()).toEqual(['a', 'c'])
  })

  test('keep nobody waiting who is told to stop', async () => {
    const stop = new AbortController()
    await encoders.acquire(of('a'), signal)
    await encoders.acquire(of('b'), signal)
    const c = encoders.acquire(of('c'), stop.signal)
    stop.abort(new Error('stop'))
    await expect(c).rejects.toThrow('stop')
    expect((await encoders.acquire(of('a'), signal)).encoder.model.name).toBe('a')
  })

  test('are not mixed: a batch for other files than those here is refused, with what was expected and found', async () => {
    for (const ask of [encoders.acquire(of('a', 'r2'), signal), encoders.modelId(of('a', 'r2'))])
      await expect(ask).rejects.toMatchObject({
        code: 'WORKER_FAILED',
        message: expect.stringMatching(/a@fp32, revision r2.*a@fp32, revision r1/),
      })
    expect(opened).toEqual([])
    expect(registered).toEqual([])
  })

  test('of files that were replaced stand beside those of the old ones', async () => {
    const old = await encoders.acquire(of('a'), signal)
    revision = 'r2'
    const replaced = await encoders.acquire(of('a', 'r2'), signal)
    expect([old, replaced].map(({ encoder }) => encoder.model.revision)).toEqual(['r1', 'r2'])
    expect([await encoders.modelId(of('a', 'r2')), registered]).toEqual([1, ['a r2']])
  })

  test('write to the row that their model has now: retired and ingested again, it has another', async () => {
    expect([await encoders.modelId(of('a')), await encoders.modelId(of('a'))]).toEqual([1, 2])
  })

  test('of unknown models are refused', async () => {
    await expect(encoders.acquire(of('unknown'), signal)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
  })

  test('are tried again when they could not be loaded', async () => {
    failing = new AppError('MODEL_DOWNLOAD_FAILED', 'no network')
    await expect(encoders.acquire(of('a'), signal)).rejects.toMatchObject({ code: 'MODEL_DOWNLOAD_FAILED' })
    failing = undefined
    const { encoder } = await encoders.acquire(of('a'), signal)
    await until('it is loaded', () => loaded().length === 1)
    expect(encoder.model.name).toBe('a')
  })
})
