import { describe, expect, test } from 'vitest'
import { normalise } from '../../../src/domain/similarity.js'
import { type Comparison, type ComparisonInput, compareVectors } from '../../../src/models/check/comparison.js'
import { NOISES, randomNumbers, withNoise } from '../noise.js'

const FP32 = { precision: 'fp32', scoring: 'softmax', logitScale: 100, logitBias: 0 } as const
const INT8 = { ...FP32, precision: 'int8' }

const random = randomNumbers(11)
const drawn = () => normalise(Float32Array.from({ length: 64 }, random))
const published = Array.from({ length: 120 }, drawn)
const texts = Array.from({ length: 40 }, drawn)
const noisy = (vectors: readonly Float32Array[], cosine: number) =>
  vectors.map(vector => withNoise(vector, cosine, NOISES[0]![1], random))

const compare = (ours: readonly Float32Array[], more: Partial<ComparisonInput> = {}, model = FP32 as typeof INT8) =>
  compareVectors({ photos: { ours, published }, ...more }, model)
const found = ({ measures }: Comparison, name: string) => measures.find(({ measure }) => measure === name)?.found
const failed = ({ measures }: Comparison) => measures.filter(({ ok }) => !ok).map(({ measure }) => measure)

describe('vectors that are the published ones', () => {
  test('reach 1 in every measure', () => {
    const comparison = compare(published, { queries: { ours: texts, published: texts } })
    expect(comparison).toMatchObject({ ok: true, diagnosis: '' })
    for (const { found } of comparison.measures) expect(found).toBeCloseTo(1, 6)
  })

  test.each([
    ['fp32', 0.9995, true],
    ['fp32', 0.9985, false],
    ['fp16', 0.9995, true],
    ['int8', 0.985, true],
    ['int8', 0.975, false],
    ['q4', 0.985, true],
  ])('in %s at a cosine of %d: pass is %s', (precision, cosine, ok) => {
    const comparison = compare(noisy(published, cosine), {}, { ...FP32, precision })
    expect(comparison.measures[0]).toMatchObject({ measure: 'photos: cosine, median', ok })
    expect(found(comparison, 'photos: cosine, median')).toBeCloseTo(cosine, 5)
    expect(comparison.ok).toBe(ok)
  })

  test('count by their median: a few that are off are seen in the percentiles', () => {
    const comparison = compare(published.map((vector, i) => (i < 3 ? noisy([vector], 0.9)[0]! : vector)))
    expect(comparison.measures[0]?.ok).toBe(true)
    expect(found(comparison, 'photos: cosine, least')).toBeCloseTo(0.9, 5)
    expect(found(comparison, 'photos: cosine, 5th percentile')).toBeCloseTo(1, 5)
  })
})

describe('vectors that are not the published ones', () => {
  test('of other photos are said to be', () => {
    const { ok, diagnosis } = compare([...published.slice(1), published[0]!])
    expect([ok, diagnosis]).toEqual([false, expect.stringContaining('the ids do not belong to the rows')])
  })

  test('near but not near enough are put down to preprocessing or bits', () => {
    const { ok, diagnosis } = compare(noisy(published, 0.9))
    expect([ok, diagnosis]).toEqual([
      false,
      expect.stringContaining('other preprocessing, other photo sizes or fewer bits'),
    ])
  })

  test('of another model are said to be', () => {
    for (const ours of [Array.from({ length: 120 }, drawn), published.map(vector => vector.toReversed())])
      expect(compare(ours)).toMatchObject({ ok: false, diagnosis: expect.stringContaining('this is another model') })
  })
})

describe('what follows from the vectors is compared, too:', () => {
  test('neighbours', () => {
    const comparison = compare(noisy(published, 0.97), {}, INT8)
    expect(found(comparison, 'photos: ten nearest photos in common')).toBeLessThan(0.95)
    expect(found(comparison, 'photos: the nearest published vector is of the same photo')).toBe(1)
  })

  test('hits of texts', () => {
    const comparison = compare(published, { queries: { ours: texts.toReversed(), published: texts } })
    expect(comparison.ok).toBe(false)
    expect(failed(comparison)).toEqual(['texts: cosine, median', 'texts: ten best photos in common, median'])
    expect(comparison.diagnosis).toBe(
      'the photos match their published vectors, but these figures do not: texts: cosine, median, texts: ten best photos in common, median',
    )
  })

  test('labels, of the photos that have one', () => {
    const prompts = texts.slice(0, 2)
    const label = (vector: Float32Array) => {
      const [a, b] = prompts.map(prompt => prompt.reduce((sum, value, i) => sum + value * vector[i]!, 0))
      return a! >= b! ? 'indoor' : 'outdoor'
    }
    const set = { name: 'taken_space', labels: ['indoor', 'outdoor'], prompts }
    const expected = published.map((vector, i) => (i % 2 === 0 ? label(vector) : undefined))
    const labels = (expected: (string | undefined)[]) => compare(published, { labels: [{ ...set, expected }] })
    expect(found(labels(expected), 'labels: taken_space in common')).toBe(1)
    const wrong = labels(expected.map(text => text && (text === 'indoor' ? 'outdoor' : 'indoor')))
    expect(failed(wrong)).toEqual(['labels: taken_space in common'])
    expect(found(wrong, 'labels: taken_space in common')).toBe(0)
  })
})
