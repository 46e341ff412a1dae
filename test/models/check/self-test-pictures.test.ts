import { describe, expect, test } from 'vitest'
import { normalise } from '../../../src/domain/similarity.js'
import {
  judgePictures,
  judgePicturesAlone,
  PLAIN_COLOURS,
  promptsFor,
} from '../../../src/models/check/self-test-pictures.js'
import { randomNumbers } from '../noise.js'

const MODEL = { scoring: 'softmax', logitScale: 100, logitBias: 0 } as const
const random = randomNumbers(31)
const drawn = () => normalise(Float32Array.from({ length: 64 }, random))
const sum = (...vectors: Float32Array[]) =>
  normalise(vectors[0]!.map((_, i) => vectors.reduce((total, vector) => total + vector[i]!, 0)))

describe('plain colours', () => {
  const texts = PLAIN_COLOURS.pictures.map(drawn)
  const judge = (images: Float32Array[], prompts = texts, model: Parameters<typeof judgePictures>[3] = MODEL) =>
    judgePictures(PLAIN_COLOURS, images, prompts, model)

  test('are asked for by their names', () => {
    expect(promptsFor(PLAIN_COLOURS)).toContain('a plain red background')
  })

  test('get their labels from towers of one model, scored by softmax or sigmoid', () => {
    expect(judge(texts)).toMatchObject({ ok: true, sentence: expect.stringContaining('6 of 6') })
    const sigmoid = { scoring: 'sigmoid', logitScale: 117, logitBias: -12.9 } as const
    expect(judge(texts, texts, sigmoid)).toMatchObject({ ok: true, sentence: expect.stringContaining('6 of 6') })
  })

  test('get them although one prompt is near to all pictures', () => {
    const plain = drawn()
    const images = texts.map(text => sum(text, plain, plain))
    const prompts = texts.map((text, i) => (i === 3 ? sum(text, plain, plain, plain) : text))
    const { ok, pictures } = judge(images, prompts)
    expect([ok, pictures.map(({ label }) => label)]).toEqual([true, PLAIN_COLOURS.pictures.map(({ label }) => label)])
  })

  test('may be taken for another twice, not three times', () => {
    const swapped = (count: number) => texts.map((text, i) => (i < count ? texts[(i + 1) % count]! : text))
    expect(judge(swapped(2))).toMatchObject({ ok: true, sentence: expect.stringContaining('4 of 6') })
    expect(judge(swapped(3))).toMatchObject({ ok: false, sentence: expect.stringContaining('3 of 6') })
  })

  test('are told apart from towers that have nothing to do with each other', () => {
    const passes = Array.from({ length: 1000 }, () => judge(texts.map(drawn)).ok).filter(Boolean)
    expect(passes.length).toBeLessThan(40)
  })

  test('are all the same to a blind image tower', () => {
    expect(judge(texts.map(() => texts[0]!)).ok).toBe(false)
    expect(
      judgePicturesAlone(
        PLAIN_COLOURS,
        texts.map(() => texts[0]!),
      ),
    ).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('the image tower is blind'),
    })
  })

  test('need only be told apart by a model without texts', () => {
    expect(judgePicturesAlone(PLAIN_COLOURS, texts)).toMatchObject({
      ok: true,
      sentence: expect.stringMatching(/^the image tower distinguishes pictures: .* cosine similarity of 0\.\d{4}$/),
    })
  })
})
