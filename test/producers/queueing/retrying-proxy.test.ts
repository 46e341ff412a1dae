import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import { RetryingProxy } from '../../../src/producers/queueing/retrying-proxy.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { deferred } from '../../support/deferred.js'

const away = () => new AppError('DATABASE_UNREACHABLE', 'The database is away.')

describe('a retrying proxy', () => {
  let reasons: (WaitReason | null)[]
  beforeEach(() => {
    reasons = []
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  const patient = (call: () => Promise<string>, options: { signal?: AbortSignal; limitMs?: number } = {}) =>
    new RetryingProxy({ onWait: reason => reasons.push(reason), ...options }).wrap({ call }, 'database')

  test('repeats a call while its server is away, and tells that and when it is back', async () => {
    let calls = 0
    const answer = patient(async () => {
      if (++calls < 4) throw away()
      return 'here'
    }).call()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await answer).toBe('here')
    const told = { kind: 'away', message: 'The database is away. Trying again until it is back.' }
    expect(reasons).toEqual([told, told, told, null])
  })

  test('gives up after its limit, with the error', async () => {
    const answer = patient(() => Promise.reject(away()), { limitMs: 20_000 }).call()
    const refused = expect(answer).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    await vi.advanceTimersByTimeAsync(60_000)
    await refused
  })

  test('passes other errors on at once', async () => {
    await expect(patient(() => Promise.reject(new Error('a bug'))).call()).rejects.toThrow('a bug')
    expect(reasons).toEqual([])
  })

  test('tells that an answer is slow in coming', async () => {
    const { promise, resolve } = deferred<string>()
    const answer = patient(() => promise).call()
    await vi.advanceTimersByTimeAsync(6000)
    expect(reasons).toEqual([{ kind: 'away', message: 'No answer from the database for 5 s; waiting for it.' }])
    resolve('late')
    expect(await answer).toBe('late')
    expect(reasons.at(-1)).toBeNull()
  })

  test('does not say that it goes on when the slow answer is that the server is away', async () => {
    let calls = 0
    const answer = patient(async () => {
      if (++calls > 1) return 'here'
      await new Promise(resolve => setTimeout(resolve, 6000))
      throw away()
    }).call()
    await vi.advanceTimersByTimeAsync(6000)
    expect(reasons.map(reason => reason?.message)).toEqual([
      'No answer from the database for 5 s; waiting for it.',
      'The database is away. Trying again until it is back.',
    ])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await answer).toBe('here')
    expect(reasons.slice(2)).toEqual([null])
  })

  test('goes on when the last of several calls has its answer', async () => {
    const calls = { first: deferred<string>(), second: deferred<string>() }
    const proxy = new RetryingProxy({ onWait: reason => reasons.push(reason) }).wrap(
      { call: (name: 'first' | 'second') => calls[name].promise },
      'database',
    )
    const answers = [proxy.call('first'), proxy.call('second')]
    await vi.advanceTimersByTimeAsync(6000)
    calls.first.resolve('here')
    await answers[0]
    expect(reasons).not.toContain(null)
    calls.second.resolve('here')
    await answers[1]
    expect(reasons.at(-1)).toBeNull()
  })

  test('goes on when the answer is a refusal', async () => {
    const { promise, reject } = deferred<string>()
    const answer = patient(() => promise).call()
    const refused = expect(answer).rejects.toThrow('a bug')
    await vi.advanceTimersByTimeAsync(6000)
    reject(new Error('a bug'))
    await refused
    expect(reasons.at(-1)).toBeNull()
  })

  test('lets what is under way end in order when it is stopped, but not for long', async () => {
    const controller = new AbortController()
    const { promise, resolve } = deferred<string>()
    const inOrder = patient(() => promise, { signal: controller.signal }).call()
    const hanging = patient(() => new Promise(() => {}), { signal: controller.signal }).call()
    const refused = expect(hanging).rejects.toMatchObject({ code: 'INTERRUPTED' })
    controller.abort()
    await vi.advanceTimersByTimeAsync(1000)
    resolve('done')
    expect(await inOrder).toBe('done')
    await vi.advanceTimersByTimeAsync(2000)
    await refused
  })

  test('can be stopped while a page of a stream does not come', async () => {
    const controller = new AbortController()
    const pages = {
      async *pages() {
        yield 'first'
        await new Promise(() => {})
      },
    }
    const stream = new RetryingProxy({ onWait: () => {}, signal: controller.signal }).wrap(pages, 'database').pages()
    expect(await stream.next()).toEqual({ done: false, value: 'first' })
    const refused = expect(stream.next()).rejects.toMatchObject({ code: 'INTERRUPTED' })
    controller.abort()
    await vi.advanceTimersByTimeAsync(3000)
    await refused
  })
})
