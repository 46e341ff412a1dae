import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { dot, normalise } from '../../../src/domain/similarity.js'
import { CLIP_VIT_B_32_VECTORS as PUBLISHED } from '../../../src/models/check/published-clip-vit-b-32.js'
import { judgeTexts } from '../../../src/models/check/self-test-texts.js'
import { loadTokenizer, type TextTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { NOISES, randomNumbers, withNoise } from '../noise.js'
import { publishedEmbeddings } from './planted-clip.js'

const TEXTS = PUBLISHED.texts.map(({ text }) => text)

describe('what is published of CLIP ViT-B/32', () => {
  test('is digests of a few components of 16 different texts', () => {
    expect(new Set(TEXTS).size).toBe(16)
    for (const { tokens, signs, values } of PUBLISHED.texts) {
      for (const digest of [tokens, signs.sha256, values.sha256]) expect(digest).toMatch(/^[0-9a-f]{64}$/)
      for (const { at } of [signs, values]) {
        expect(new Set(at).size).toBe(12)
        expect(Math.max(...at)).toBeLessThan(PUBLISHED.dimension)
      }
    }
  })
})

describe.skipIf(!hasReference())('the published vectors of CLIP ViT-B/32, by their digests', () => {
  let vectors: Map<string, Float32Array>
  let tokenizer: TextTokenizer

  beforeAll(async () => {
    vectors = await publishedEmbeddings()
    tokenizer = await loadTokenizer(join(REFERENCE, 'tokenizer'), 77)
  })

  /** The verdict on a tower that gives every text this vector. */
  const judge = (
    embed: (text: string, i: number) => Float32Array,
    precision = 'fp32',
    encode = (text: string) => tokenizer.encode(text),
  ) =>
    judgeTexts(
      PUBLISHED,
      TEXTS.map((text, i) => ({ ids: encode(text), embedding: embed(text, i) })),
      precision,
    )
  const published = (text: string) => vectors.get(text)!

  test('are found in every precision', () => {
    for (const precision of ['fp32', 'fp16', 'int8', 'q4'])
      expect(judge(published, precision)).toMatchObject({
        ok: true,
        sentence: 'the text tower is CLIP ViT-B/32: 16 of 16 texts give its vectors',
      })
  })

  test.each(NOISES)('are found under %s noise: fp16 down to a cosine of 0.9998, int8 down to 0.97', (_, noise) => {
    const random = randomNumbers(7)
    const fewest = (precision: string, cosine: number) => {
      const counts = Array.from({ length: 10 }, () => {
        const { ok, matches } = judge(text => withNoise(published(text), cosine, noise, random), precision)
        expect(ok).toBe(true)
        return matches.filter(({ fit }) => fit !== 'none').length
      })
      return Math.min(...counts)
    }
    expect(fewest('fp16', 0.9998)).toBe(16)
    expect(fewest('int8', 0.999)).toBe(16)
    expect(fewest('int8', 0.98)).toBeGreaterThanOrEqual(13)
    expect(fewest('int8', 0.97)).toBeGreaterThanOrEqual(12)
  })

  test('of fewer bits than it says are told apart', () => {
    const random = randomNumbers(8)
    const noisy = (text: string) => withNoise(published(text), 0.99, NOISES[0]![1], random)
    expect(judge(noisy, 'int8').ok).toBe(true)
    expect(judge(noisy, 'fp32')).toMatchObject({
      ok: false,
      sentence:
        'this is not CLIP ViT-B/32 in fp32: 16 of 16 texts give the signs of its vectors, 0 their values, 12 needed; a tower with fewer bits gives such figures',
    })
  })

  const others: [string, (text: string, i: number) => Float32Array][] = [
    ['random vectors', () => normalise(Float32Array.from({ length: 512 }, randomNumbers(9)))],
    [
      'the vectors with two halves swapped',
      text => Float32Array.from([...published(text).subarray(256), ...published(text).subarray(0, 256)]),
    ],
    ['the vectors with their signs turned', text => published(text).map(value => -value)],
    ['the vectors of the next text', (_, i) => published(TEXTS[(i + 1) % TEXTS.length]!)],
    ['the vector of one text for all', () => published('a dog')],
    ['the mean of all vectors', () => mean([...vectors.values()])],
  ]
  test.each(others)('are not found in %s', (_, embed) => {
    for (const precision of ['fp32', 'int8']) {
      const { ok, sentence } = judge(embed, precision)
      expect(ok).toBe(false)
      expect(sentence).toMatch(/^this is not CLIP ViT-B\/32: [01] of 16 texts give its vectors, 12 needed/)
    }
  })

  test('are not those of the prompt that is nearest to each text', () => {
    const nearest = (text: string) =>
      [...vectors]
        .filter(([prompt]) => prompt !== text)
        .sort((a, b) => dot(b[1], published(text)) - dot(a[1], published(text)))[0]![1]
    expect(judge(nearest, 'int8').ok).toBe(false)
  })

  test('of another width are refused with both widths', () => {
    expect(judge(() => new Float32Array(128).fill(Math.sqrt(1 / 128)), 'int8').sentence).toBe(
      'this is not CLIP ViT-B/32: expected embeddings with 512 components, found 128',
    )
  })

  test('are not enough where the tokenizer is another one', () => {
    const swapped = (text: string) => tokenizer.encode(text).map((id, i) => (i === 2 ? id + 1 : id))
    expect(judge(published, 'int8', swapped).sentence).toBe(
      'this is not CLIP ViT-B/32: the tokenizer gives 16 of 16 texts other tokens; it belongs to another model',
    )
  })
})

function mean(vectors: Float32Array[]): Float32Array {
  return normalise(vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0)))
}
