import { expect, test } from 'vitest'
import { clipInput } from '../../../src/domain/image-input.js'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { TextCache } from '../../../src/models/runtime/text-cache.js'

/** Its embedding of a text is the text's length; `asked` is every text that reached it. */
function counting({ revision = 'r1', fails = (): boolean => false } = {}): Encoder & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    model: {
      name: 'counting',
      precision: 'fp32',
      revision,
      dimension: 1,
      scoring: 'softmax',
      logitScale: 100,
      logitBias: 0,
    },
    input: clipInput(2),
    hasTexts: true,
    encodeImages: async images => images.map(() => Float32Array.of(1)),
    encodeTexts: async texts => {
      asked.push(...texts)
      if (fails()) throw new Error('no')
      return texts.map(text => Float32Array.of(text.length))
    },
    close: async () => {},
  }
}

const values = (embeddings: Float32Array[]) => embeddings.map(embedding => embedding[0])

test('A text is embedded once, and comes in its place among others', async () => {
  const inner = counting()
  const encoder = new TextCache().before(inner)
  expect(values(await encoder.encodeTexts(['dog', 'snow']))).toEqual([3, 4])
  expect(values(await encoder.encodeTexts(['snow', 'horse', 'dog', 'horse']))).toEqual([4, 5, 3, 5])
  expect(inner.asked).toEqual(['dog', 'snow', 'horse'])
})

test('A text that is asked for again while it is embedded is embedded once', async () => {
  const inner = counting()
  const encoder = new TextCache().before(inner)
  const [first, second] = await Promise.all([encoder.encodeTexts(['dog']), encoder.encodeTexts(['dog'])])
  expect([values(first), values(second)]).toEqual([[3], [3]])
  expect(inner.asked).toEqual(['dog'])
})

test('Whoever changes an embedding changes a copy of their own', async () => {
  const encoder = new TextCache().before(counting())
  for (let time = 0; time < 3; time++) {
    const [embedding] = await encoder.encodeTexts(['dog'])
    expect(embedding![0]).toBe(3)
    embedding![0] = 99
  }
})

test('The text that was not used for the longest time goes first', async () => {
  const inner = counting()
  const cache = new TextCache(2)
  const encoder = cache.before(inner)
  for (const text of ['a', 'bb', 'a', 'ccc', 'a', 'bb']) await encoder.encodeTexts([text])
  expect(inner.asked).toEqual(['a', 'bb', 'ccc', 'bb'])
  expect(cache.size).toBe(2)
})

test('More texts than fit are all embedded', async () => {
  const cache = new TextCache(2)
  expect(values(await cache.before(counting()).encodeTexts(['a', 'bb', 'ccc', 'dddd']))).toEqual([1, 2, 3, 4])
  expect(cache.size).toBe(2)
})

test('Models, and revisions of one, do not share embeddings', async () => {
  const cache = new TextCache()
  const encoders = [counting(), counting({ revision: 'r2' })]
  for (const encoder of encoders) await cache.before(encoder).encodeTexts(['dog'])
  expect(encoders.map(({ asked }) => asked)).toEqual([['dog'], ['dog']])
})

test('A failure is not remembered', async () => {
  let fails = true
  const inner = counting({ fails: () => fails })
  const cache = new TextCache()
  const encoder = cache.before(inner)
  await expect(encoder.encodeTexts(['dog', 'snow'])).rejects.toThrow('no')
  expect(cache.size).toBe(0)
  fails = false
  expect(values(await encoder.encodeTexts(['dog']))).toEqual([3])
})
