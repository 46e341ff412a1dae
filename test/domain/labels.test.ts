import { expect, test } from 'vitest'
import { labelScores, parseLabelSet, percent, promptsOf } from '../../src/domain/labels.js'
import { cosineSimilarity, normalise, sigmoid, softmax } from '../../src/domain/similarity.js'

test('a label set gives one prompt a label', () => {
  const parsed = parseLabelSet({ name: 'season', template: 'A photo taken in {label}', labels: ['spring', 'autumn'] })
  expect('set' in parsed && promptsOf(parsed.set)).toEqual(['A photo taken in spring', 'A photo taken in autumn'])
})

test.each([
  [null, 'a JSON object'],
  [{ name: 'Season', template: '{label}', labels: ['a', 'b'] }, '"name"'],
  [{ name: 'season', template: 'A photo', labels: ['a', 'b'] }, '{label}'],
  [{ name: 'season', template: '{label}', labels: ['a'] }, 'at least two'],
  [{ name: 'season', template: '{label}', labels: ['a', 'a'] }, 'must differ'],
  [{ name: 'season', template: '{label}', labels: ['a b', 'c', ' A  B'] }, 'found "a b" and " A  B"'],
  [{ name: 'season', template: '{label}', labels: ['a', 'x'.repeat(301)] }, 'at most 300'],
  [{ name: 'season', template: '{label}', labels: ['a', 'b\u0000'] }, 'a line'],
  [{ name: 'season', template: `{label}${'x'.repeat(1000)}`, labels: ['a', 'b'] }, 'at most 1000'],
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

test('scores of a softmax model add up to 1, those of a sigmoid model stand alone, and neither overflows', () => {
  const similarities = [0.25, 0.2]
  const [first, second] = labelScores(similarities, { scoring: 'softmax', logitScale: 100, logitBias: 0 })
  expect(first! + second!).toBeCloseTo(1, 12)
  expect(first! / second!).toBeCloseTo(Math.exp(5), 6)
  const siglip = { scoring: 'sigmoid', logitScale: 100, logitBias: -20 } as const
  expect(labelScores(similarities, siglip)).toEqual([1 / (1 + Math.exp(-5)), 0.5])
  expect(labelScores([...similarities, 0.9], siglip).slice(0, 2)).toEqual(labelScores(similarities, siglip))
  expect([-1e6, -800, 0, 800, 1e6].map(sigmoid)).toEqual([0, 0, 0.5, 1, 1])
})

test.each([
  [1, '100 %'],
  [0.834, '83 %'],
  [0.0101, '1 %'],
  [0.00347, '0.35 %'],
  [0.0000123, '0.0012 %'],
  [0, '0 %'],
])('a score of %d is %s for people', (score, text) => {
  expect(percent(score)).toBe(text)
})
