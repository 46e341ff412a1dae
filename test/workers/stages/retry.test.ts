import { describe, expect, test } from 'vitest'
import { HostPausedError, PhotoError, type PhotoFailureCode } from '../../../src/domain/errors.js'
import type { FailedPhoto, PostponedPhoto } from '../../../src/workers/stages/prepare.js'
import { MAX_DELAY_MS, MAX_OUTAGE_DELAY_MS, planRetries } from '../../../src/workers/stages/retry.js'
import { aBatch, photoRefs } from '../../queue/batches.js'

const PHOTOS = photoRefs(3)
const failedWith = (i: number, code: PhotoFailureCode, retryAfterMs?: number): FailedPhoto => ({
  photo: PHOTOS[i]!,
  error: new PhotoError(code, 'made to fail', { retryAfterMs }),
})

describe('planning retries', () => {
  const batch = aBatch({ photos: PHOTOS })

  test('spreads the pause over the upper half of the backoff', () => {
    const delayWith = (random: number) =>
      planRetries(batch, [failedWith(0, 'TIMEOUT')], { maxAttempts: 5, baseMs: 1000, random: () => random }).again[0]
        ?.delayMs
    expect(delayWith(0)).toBe(500)
    expect(delayWith(0.5)).toBe(750)
    expect(delayWith(0.9999)).toBe(1000)
  })

  test('does not wait longer than a quarter of an hour, whatever a server asks for', () => {
    const settings = { maxAttempts: 20, baseMs: 60_000, random: () => 0 }
    const late = planRetries({ ...batch, attempt: 19 }, [failedWith(0, 'TIMEOUT')], settings)
    expect(late.again[0]?.delayMs).toBe(MAX_DELAY_MS / 2)
    const told = planRetries(batch, [failedWith(0, 'HTTP_429', 86_400_000)], settings)
    expect(told.again[0]?.delayMs).toBe(MAX_DELAY_MS)
  })

  test('lets photos whose server asked for patience wait apart from the others', () => {
    const failed = [failedWith(0, 'TIMEOUT'), failedWith(1, 'HTTP_429', 60_000), failedWith(2, 'HTTP_503', 100)]
    const { again } = planRetries(batch, failed, { maxAttempts: 5, baseMs: 1000, random: () => 0 })
    expect(again.map(({ batch, delayMs }) => ({ photos: batch.photos.map(p => p.id), delayMs }))).toEqual([
      { photos: ['photo-0', 'photo-2'], delayMs: 500 },
      { photos: ['photo-1'], delayMs: 60_000 },
    ])
  })

  test('derives ids from parent and photos, not from pauses', () => {
    const plan = (random: number, of = batch) =>
      planRetries(of, [failedWith(0, 'TIMEOUT')], { maxAttempts: 5, baseMs: 1000, random: () => random }).again[0]!
        .batch.id
    expect(plan(0)).toBe(plan(0.7))
    expect(plan(0)).not.toBe(plan(0, { ...batch, parentId: 'another' }))
    expect(plan(0)).not.toBe(plan(0, { ...batch, attempt: 2 }))
  })

  test('tries nothing again that cannot succeed, nor beyond the limit', () => {
    const failed = [failedWith(0, 'HTTP_404'), failedWith(1, 'HTTP_503')]
    const settings = { maxAttempts: 2, baseMs: 1000 }
    expect(planRetries(batch, failed, settings).forGood.map(f => f.photoId)).toEqual(['photo-0'])
    const last = planRetries({ ...batch, attempt: 2 }, failed, settings)
    expect(last.again).toEqual([])
    expect(last.forGood.map(f => [f.code, f.attempts])).toEqual([
      ['HTTP_404', 2],
      ['HTTP_503', 2],
    ])
  })

  describe('of photos whose hosts are paused', () => {
    const settings = { maxAttempts: 2, baseMs: 1000, random: () => 0.5 }
    const pausedAt = (i: number, host: string, ms: number, patienceMs = 1000 * 60): PostponedPhoto => ({
      photo: PHOTOS[i]!,
      cause: new HostPausedError(host, ms, patienceMs, new PhotoError('HOST_PAUSED', 'asks for pauses only')),
    })

    test('postpones them by host, by one to two pauses, and counts no attempt', () => {
      const postponed = [pausedAt(0, 'a', 60_000), pausedAt(1, 'b', 1000), pausedAt(2, 'a', 59_000)]
      const { again, forGood } = planRetries({ ...batch, attempt: 2 }, [], settings, { postponed, now: 5 })
      expect(forGood).toEqual([])
      expect(again.map(({ batch, delayMs }) => [batch.photos.map(photo => photo.id), batch.attempt, delayMs])).toEqual([
        [['photo-0', 'photo-2'], 2, 90_500],
        [['photo-1'], 2, 2000],
      ])
      expect(again[0]!.batch).toMatchObject({ postponements: 1, postponedSince: 5, parentId: batch.parentId })
      const next = planRetries(again[0]!.batch, [], settings, { postponed: [postponed[0]!, postponed[2]!], now: 9 })
      expect(next.again[0]!.batch).toMatchObject({ postponements: 2, postponedSince: 5 })
      expect(next.again[0]!.batch.id).not.toBe(again[0]!.batch.id)
    })

    test('takes them for failed once they were postponed for too long: no run goes on for ever', () => {
      const postponed = [pausedAt(0, 'a', 60_000), pausedAt(1, 'b', 60_000, Number.POSITIVE_INFINITY)]
      const late = { postponed, now: 60_000 }
      const { again, forGood } = planRetries({ ...batch, postponedSince: 0 }, [], settings, late)
      expect(again.map(({ batch }) => [batch.photos[0]!.id, batch.attempt])).toEqual([
        ['photo-0', 2],
        ['photo-1', 1],
      ])
      expect(forGood).toEqual([])
      const last = planRetries({ ...batch, postponedSince: 0, attempt: 2 }, [], settings, late)
      expect(last.forGood).toMatchObject([{ photoId: 'photo-0', code: 'HOST_PAUSED', attempts: 2 }])
    })

    test('gives photos that an ending worker has not begun to others, at once', () => {
      const postponed: PostponedPhoto[] = [{ photo: PHOTOS[0]!, cause: 'the worker ends' }]
      const { again } = planRetries(batch, [], settings, { postponed })
      expect(again).toMatchObject([{ delayMs: 0, batch: { attempt: 1, postponements: 1 } }])
      expect(again[0]!.batch.postponedSince).toBeUndefined()
    })
  })

  test('keeps what the batch is: its priority, and that it is worked on alone', () => {
    const failed = [failedWith(0, 'TIMEOUT'), failedWith(1, 'STORE_FAILED')]
    const { again } = planRetries({ ...batch, priority: 'high', isolated: true }, failed, { maxAttempts: 5, baseMs: 1 })
    expect(again.map(({ batch }) => [batch.priority, batch.isolated, batch.parentId])).toEqual([
      ['high', true, batch.parentId],
      ['high', true, batch.parentId],
    ])
  })

  test('tries photos whose copies cannot be stored as long as the store is away, and does not count that', () => {
    const settings = { maxAttempts: 2, baseMs: 1000, random: () => 1 }
    const ids = new Set<string>()
    let next = { ...batch, attempt: 2 }
    for (let outages = 1; outages <= 30; outages++) {
      const { again, forGood } = planRetries(
        next,
        PHOTOS.map((_, i) => failedWith(i, 'STORE_FAILED')),
        settings,
        { storeIsAway: true },
      )
      expect(forGood).toEqual([])
      expect(again).toHaveLength(1)
      next = again[0]!.batch
      expect(next).toMatchObject({ attempt: 2, outages, photos: PHOTOS })
      ids.add(next.id)
    }
    // The same photos again are another batch every time: the one they come from is still in the queue.
    expect(ids.size).toBe(30)
    expect(ids.has(batch.id)).toBe(false)
  })

  test('fails a copy that the store refuses while it takes others: for good at once, otherwise after twelve tries', () => {
    const settings = { maxAttempts: 5, baseMs: 1000 }
    const message = 'AccessDenied; expected the right s3:PutObject'
    const refused = { photo: PHOTOS[0]!, error: new PhotoError('STORE_FAILED', message, { retryable: false }) }
    expect(planRetries(batch, [refused], settings)).toMatchObject({
      again: [],
      forGood: [{ photoId: 'photo-0', code: 'STORE_FAILED', message }],
    })
    expect(planRetries(batch, [refused], settings, { storeIsAway: true }).forGood).toEqual([])
    let next = batch
    for (let tries = 1; tries <= 12; tries++)
      next = planRetries(next, [failedWith(0, 'STORE_FAILED')], settings).again[0]!.batch
    expect(next).toMatchObject({ attempt: 1, refusals: 12 })
    expect(planRetries(next, [failedWith(0, 'STORE_FAILED')], settings)).toMatchObject({
      again: [],
      forGood: [{ code: 'STORE_FAILED' }],
    })
    expect(planRetries(next, [failedWith(0, 'STORE_FAILED')], settings, { storeIsAway: true }).forGood).toEqual([])
  })

  test('waits longer for a store that refuses one photo than for a store that is away', () => {
    const delays = (storeIsAway: boolean) =>
      [0, 3, 30].map(
        outages =>
          planRetries(
            { ...batch, outages },
            [failedWith(0, 'STORE_FAILED')],
            { maxAttempts: 5, baseMs: 1000, random: () => 1 },
            { storeIsAway },
          ).again[0]!.delayMs,
      )
    expect(delays(true)).toEqual([1000, 8000, MAX_OUTAGE_DELAY_MS])
    expect(delays(false)).toEqual([1000, 8000, MAX_DELAY_MS])
  })
})
