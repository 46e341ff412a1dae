import { describe, expect, test } from 'vitest'
import { decideIsolation, halves, isSuspect } from '../../../src/workers/delivery/poison-batch.js'
import { aBatch, photoRefs } from '../../queue/batches.js'

const whole = aBatch({ photos: photoRefs(5, 'p'), priority: 'low' })
const part = { ...whole, isolated: true }
const single = { ...part, photos: part.photos.slice(0, 1) }

describe('a batch whose worker died', () => {
  test.each([
    ['a batch', whole, 0, 'work'],
    ['a batch', whole, 1, 'work'],
    ['a batch', whole, 2, 'split'],
    ['a batch', whole, 20, 'split'],
    ['a part', part, 0, 'work'],
    ['a part', part, 1, 'split'],
    ['a single photo', single, 0, 'work'],
    ['a single photo', single, 2, 'work'],
    ['a single photo', single, 3, 'fail'],
    ['a single photo that was never alone', { ...single, isolated: false }, 3, 'split'],
  ] as const)('%s %#: after %i stalls %s', (_, batch, stalls, verdict) => {
    expect(decideIsolation(batch, stalls, batch.photos.length)).toBe(verdict)
  })

  test('is only counted when nothing is left to do', () => {
    expect(decideIsolation(single, 9, 0)).toBe('work')
    expect(decideIsolation(whole, 9, 0)).toBe('work')
  })

  test('is split, not failed, when all but one of its photos are settled: another may have been the culprit', () => {
    expect(decideIsolation(part, 9, 1)).toBe('split')
  })

  test('is suspected from its first stall on, and every part of it', () => {
    expect(isSuspect(whole, { stalls: 0 })).toBe(false)
    expect(isSuspect(whole, { stalls: 1 })).toBe(true)
    expect(isSuspect(part, { stalls: 0 })).toBe(true)
  })
})

describe('the halves of a batch', () => {
  test('hold its open photos, each once, and are what it was but for that', () => {
    const [first, second, ...others] = halves(whole, whole.photos)
    expect(others).toEqual([])
    expect(first).toEqual({ ...whole, id: first!.id, isolated: true, photos: whole.photos.slice(0, 3) })
    expect(second).toEqual({ ...whole, id: second!.id, isolated: true, photos: whole.photos.slice(3) })
    expect(new Set([whole.id, first!.id, second!.id]).size).toBe(3)
  })

  test('have the same ids every time', () => {
    const ids = () => halves(whole, whole.photos).map(half => half.id)
    expect(ids()).toEqual(ids())
  })

  test('of a single photo is one batch, which is another than the first', () => {
    const one = { ...whole, photos: whole.photos.slice(0, 1) }
    const parts = halves(one, one.photos)
    expect(parts).toHaveLength(1)
    expect(parts[0]!.id).not.toBe(one.id)
  })

  test('get down to every photo in as many steps as the batch has bits', () => {
    let parts = [aBatch({ photos: photoRefs(64) })]
    for (let steps = 0; steps < 6; steps++) parts = parts.flatMap(batch => halves(batch, batch.photos))
    expect(parts.map(batch => batch.photos.length)).toEqual(Array.from({ length: 64 }, () => 1))
    expect(new Set(parts.map(batch => batch.id)).size).toBe(64)
  })
})
