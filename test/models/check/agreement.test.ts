import { describe, expect, test } from 'vitest'
import { normalise } from '../../../src/domain/similarity.js'
import { agreementOf, type Embedded, LEAST_PHOTOS } from '../../../src/models/check/agreement.js'
import { meaningOf } from '../../../src/models/check/meaning.js'
import { NOISES, randomNumbers, withNoise } from '../noise.js'

const DIMENSION = 64
const SETS = [{ name: 'time', labels: ['day', 'night', 'dusk'] }]
const random = randomNumbers(5)
const vectors = (count: number) =>
  Array.from({ length: count }, () => normalise(Float32Array.from({ length: DIMENSION }, random)))
const original = { photos: vectors(200), texts: vectors(30), prompts: [vectors(3)] }
const noisy = (list: readonly Float32Array[], cosine: number) =>
  list.map(vector => withNoise(vector, cosine, NOISES[0]![1], random))

describe('two models', () => {
  test('agree in everything if their embeddings are equal', () => {
    const all = { median: 1, fifthPercentile: 1, least: 1 }
    const close = expect.objectContaining({ median: expect.closeTo(1, 9), least: expect.closeTo(1, 9) })
    const found = agreementOf(original, original, SETS)
    expect(found).toEqual({
      cosine: { photos: { raw: close, centred: close }, texts: { raw: close, centred: close } },
      top10: { photos: 1, texts: 1 },
      labels: [{ set: 'time', changed: 0, share: 0, changes: [] }],
    })
    expect(Object.keys(found.cosine!.photos.raw)).toEqual(Object.keys(all))
  })

  test('differ by the cosine of the noise in one of them, and so does what they find', () => {
    const [slightly, clearly] = [0.999, 0.9].map(cosine =>
      agreementOf(original, { ...original, photos: noisy(original.photos, cosine) }, SETS),
    )
    expect(slightly!.cosine!.photos.raw.median).toBeCloseTo(0.999, 3)
    expect(clearly!.cosine!.photos.raw.median).toBeCloseTo(0.9, 2)
    expect(clearly!.top10.photos).toBeLessThan(slightly!.top10.photos!)
    expect(clearly!.top10.texts).toBeLessThan(slightly!.top10.texts!)
    expect(clearly!.labels![0]!.changed).toBeGreaterThan(slightly!.labels![0]!.changed)
  })

  test('that have most of an embedding in common differ more without it', () => {
    const shift = (rows: readonly Float32Array[]) => rows.map(row => row.map((value, at) => value + (at === 0 ? 5 : 0)))
    const a = { photos: shift(original.photos) }
    const b = { photos: shift(noisy(original.photos, 0.9)) }
    const { raw, centred } = agreementOf(a, b, []).cosine!.photos
    expect(raw.median).toBeGreaterThan(0.99)
    expect(centred!.median).toBeLessThan(0.92)
  })

  test('name the labels that change, the most frequent first', () => {
    const axis = (at: number) => Float32Array.from({ length: 3 }, (_, i) => Number(i === at))
    const prompts = [[axis(0), axis(1), axis(2)]]
    const a = { photos: [0, 0, 0, 1].map(axis), prompts }
    const b = { photos: [2, 1, 1, 1].map(axis), prompts }
    expect(agreementOf(a, b, SETS).labels).toEqual([
      {
        set: 'time',
        changed: 3,
        share: 0.75,
        changes: [
          { from: 'day', to: 'night', photos: 2 },
          { from: 'day', to: 'dusk', photos: 1 },
        ],
      },
    ])
  })

  test('of different lengths, or without texts, are compared by what is left', () => {
    const longer: Embedded = { photos: original.photos.map(row => Float32Array.from([...row, 0])) }
    expect(agreementOf(original, longer, SETS)).toEqual({
      cosine: null,
      top10: { photos: 1, texts: null },
      labels: null,
    })
  })

  test('are not compared by the ten best of few photos', () => {
    const few = { ...original, photos: original.photos.slice(0, LEAST_PHOTOS - 1) }
    expect(agreementOf(few, few, SETS).top10).toEqual({ photos: null, texts: null })
    const one = { photos: original.photos.slice(0, 1) }
    expect(agreementOf(one, one, []).cosine!.photos.centred).toBeNull()
  })
})

describe('the meaning of the figures', () => {
  const meaning = (cosine: number, isOneModel = true) => {
    const photos = noisy(original.photos, cosine)
    return meaningOf(agreementOf(original, { photos }, []), isOneModel)
  }

  test.each([
    [0.9995, /searches find equally good photos with either/],
    [0.997, /searches find equally good photos with either/],
    [0.985, /searches with the less exact one find worse photos; noise of a cosine of 0\.98 cost 8 %/],
    [0.96, /cost 24 %/],
    [0.7, /below all measured ones/],
  ])('at a cosine of %f', (cosine, sentence) => {
    expect(meaning(cosine)).toMatch(sentence)
    expect(meaning(cosine)).toContain('0.999: 0.88, 0.995: 0.76, 0.99: 0.69, 0.98: 0.54, 0.95: 0.37')
  })

  test('of two models is that their spaces differ', () => {
    expect(meaning(0.1, false)).toMatch(/^These are two models with different spaces: .* are the same; that shows/)
    expect(meaning(0.99, false)).not.toContain('different spaces')
  })
})
