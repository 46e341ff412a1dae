import { expect, test } from 'vitest'
import { parseLabelSet, promptsOf } from '../../src/domain/labels.js'
import { cosineSimilarity, normalise, softmax } from '../../src/domain/similarity.js'

test('a label set gives one prompt a label', () => {
  const parsed = parseLabelSet({ name: 'season', template: 'A photo taken in {label}', labels: ['spring', 'autumn'] })
  expect('set' in parsed && promptsOf(parsed.set)).toEqual(['A photo taken in spring', 'A photo taken in autumn'])
})

test.each([
  [null, 'a JSON object'],
  [{ name: 'Season', template: '{label}', labels: ['a', 'b'] }, '"name"'],
  [{ name: 'season', template: 'A photo', labels: ['a', 'b'] }, '{label}'],
  [{ name: 'season', template: '{label}', labels: ['a'] }, 'at least two'],
  [{ name: 'season', template: '{label}', labels: ['a', 'a'] }, 'twice'],
])('a wrong label set (%j) is told what is wrong', (value, problem) => {
  const parsed = parseLabelSet(value)
  expect('problem' in parsed && parsed.problem).toContain(problem)
})

test('softmax is stable, cosine similarity ignores length, a zero vector has no direction', () => {
  expect(softmax([1000, 1000])).toEqual([0.5, 0.5])
  expect(cosineSimilarity([1, 2], [2, 4])).toBeCloseTo(1, 12)
  expect([...normalise([3, 4])]).toEqual([Math.fround(0.6), Math.fround(0.8)])
  expect(() => normalise([0, 0])).toThrow(RangeError)
  expect(() => normalise([Number.NaN])).toThrow(RangeError)
})
