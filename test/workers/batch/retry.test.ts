import { describe, expect, it } from 'vitest'
import { PhotoError, type PhotoFailureCode } from '../../../src/domain/errors.js'
import type { FailedPhoto } from '../../../src/workers/prepare.js'
import { MAX_DELAY_MS, MAX_OUTAGE_DELAY_MS, planRetries } from '../../../src/workers/retry.js'
import { aBatch, photoRefs } from '../../queue/batches.js'

const PHOTOS = photoRefs(3)
const failedWith = (i: number, code: PhotoFailureCode, retryAfterMs?: number): FailedPhoto => ({
  photo: PHOTOS[i]!,
  error: new PhotoError(code, 'made to fail', { retryAfterMs }),
})

describe('planning retries', () => {
  const batch = aBatch({ photos: PHOTOS })

  it('spreads the pause over the upper half of the backoff', () => {
    const delayWith = (random: number) =>
      planRetries(batch, [failedWith(0, 'TIMEOUT')], { maxAttempts: 5, baseMs: 1000, random: () => random }).again[0]
        ?.delayMs
    expect(delayWith(0)).toBe(500)
    expect(delayWith(0.5)).toBe(750)
    expect(delayWith(0.9999)).toBe(1000)
  })

  it('does not wait longer than a quarter of an hour, whatever a server asks for', () => {
    const settings = { maxAttempts: 20, baseMs: 60_000, random: () => 0 }
    const late = planRetries({ ...batch, attempt: 19 }, [failedWith(0, 'TIMEOUT')], settings)
    expect(late.again[0]?.delayMs).toBe(MAX_DELAY_MS / 2)
    const told = planRetries(batch, [failedWith(0, 'HTTP_429', 86_400_000)], settings)
    expect(told.again[0]?.delayMs).toBe(MAX_DELAY_MS)
  })

  it('lets photos whose server asked for patience wait apart from the others', () => {
    const failed = [failedWith(0, 'TIMEOUT'), failedWith(1, 'HTTP_429', 60_000), failedWith(2, 'HTTP_503', 100)]
    const { again } = planRetries(batch, failed, { maxAttempts: 5, baseMs: 1000, random: () => 0 })
    expect(again.map(({ batch, delayMs }) => ({ photos: batch.photos.map(p => p.id), delayMs }))).toEqual([
      { photos: ['photo-0', 'photo-2'], delayMs: 500 },
      { photos: ['photo-1'], delayMs: 60_000 },
    ])
  })

  it('derives ids from parent and photos, not from pauses', () => {
    const plan = (random: number, of = batch) =>
      planRetries(of, [failedWith(0, 'TIMEOUT')], { maxAttempts: 5, baseMs: 1000, random: () => random }).again[0]!
        .batch.id
    expect(plan(0)).toBe(plan(0.7))
    expect(plan(0)).not.toBe(plan(0, { ...batch, parentId: 'another' }))
    expect(plan(0)).not.toBe(plan(0, { ...batch, attempt: 2 }))
  })

  it('tries nothing again that cannot succeed, nor beyond the limit', () => {
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

  it('keeps what the batch is: its priority, and that it is worked on alone', () => {
    const failed = [failedWith(0, 'TIMEOUT'), failedWith(1, 'STORE_FAILED')]
    const { again } = planRetries({ ...batch, priority: 'high', isolated: true }, failed, { maxAttempts: 5, baseMs: 1 })
    expect(again.map(({ batch }) => [batch.priority, batch.isolated, batch.parentId])).toEqual([
      ['high', true, batch.parentId],
      ['high', true, batch.parentId],
    ])
  })

  it('tries photos whose copies cannot be stored without end, and does not count that', () => {
    const settings = { maxAttempts: 2, baseMs: 1000, random: () => 1 }
    const ids = new Set<string>()
    let next = { ...batch, attempt: 2 }
    for (let outages = 1; outages <= 30; outages++) {
      const { again, forGood } = planRetries(
        next,
        PHOTOS.map((_, i) => failedWith(i, 'STORE_FAILED')),
        settings,
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

  it('waits longer for a store that refuses one photo than for a store that is away', () => {
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
