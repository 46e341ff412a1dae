import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/domain/errors.js'
import type { Hold } from '../../src/producers/hold.js'
import { Patience } from '../../src/producers/patience.js'
import { deferred } from '../support/deferred.js'

const away = () => new AppError('DATABASE_UNREACHABLE', 'The database is away.')

describe('patience', () => {
  let holds: (Hold | null)[]
  beforeEach(() => {
    holds = []
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  const patient = (call: () => Promise<string>, options: { signal?: AbortSignal; limitMs?: number } = {}) =>
    new Patience({ onHold: hold => holds.push(hold), ...options }).with({ call }, 'database')

  it('repeats a call while its server is away, and tells that and when it is back', async () => {
    let calls = 0
    const answer = patient(async () => {
      if (++calls < 4) throw away()
      return 'here'
    }).call()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await answer).toBe('here')
    const told = { kind: 'away', message: 'The database is away. Trying again until it is back.' }
    expect(holds).toEqual([told, told, told, null])
  })

  it('gives up after its limit, with the error', async () => {
    const answer = patient(() => Promise.reject(away()), { limitMs: 20_000 }).call()
    const refused = expect(answer).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    await vi.advanceTimersByTimeAsync(60_000)
    await refused
  })

  it('passes other errors on at once', async () => {
    await expect(patient(() => Promise.reject(new Error('a bug'))).call()).rejects.toThrow('a bug')
    expect(holds).toEqual([])
  })

  it('tells that an answer is slow in coming', async () => {
    const { promise, resolve } = deferred<string>()
    const answer = patient(() => promise).call()
    await vi.advanceTimersByTimeAsync(6000)
    expect(holds).toEqual([{ kind: 'away', message: 'No answer from the database for 5 s; waiting for it.' }])
    resolve('late')
    expect(await answer).toBe('late')
    expect(holds.at(-1)).toBeNull()
  })

  it('lets what is under way end in order when it is stopped, but not for long', async () => {
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

  it('can be stopped while a page of a stream does not come', async () => {
    const controller = new AbortController()
    const pages = {
      async *pages() {
        yield 'first'
        await new Promise(() => {})
      },
    }
    const stream = new Patience({ onHold: () => {}, signal: controller.signal }).with(pages, 'database').pages()
    expect(await stream.next()).toEqual({ done: false, value: 'first' })
    const refused = expect(stream.next()).rejects.toMatchObject({ code: 'INTERRUPTED' })
    controller.abort()
    await vi.advanceTimersByTimeAsync(3000)
    await refused
  })
})
