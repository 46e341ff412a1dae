import { expect, test } from 'vitest'
import { scoresOf, spreadOf } from '../../../src/analysis/classify/scores.js'

test('Scores are those of scikit-learn, for a class that is never predicted and one that never occurs', () => {
  // accuracy_score, balanced_accuracy_score and f1_score(average='macro') of scikit-learn 1.7.2.
  const truth = Int32Array.of(0, 0, 0, 1, 1, 2)
  const predicted = Int32Array.of(0, 0, 1, 1, 0, 1)
  expect(scoresOf(truth, predicted, 4)).toEqual({
    accuracy: expect.closeTo(0.5, 12),
    balancedAccuracy: expect.closeTo((2 / 3 + 1 / 2 + 0) / 3, 12),
    macroF1: expect.closeTo((2 / 3 + 2 / 5 + 0) / 3, 12),
    confusion: [
      [2, 1, 0, 0],
      [1, 1, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 0],
    ],
  })
})

test('A spread is the mean and the standard deviation of a sample', () => {
  expect(spreadOf([1, 2, 3, 4])).toEqual({ mean: 2.5, deviation: expect.closeTo(Math.sqrt(5 / 3), 12) })
  expect(spreadOf([0.7])).toEqual({ mean: 0.7, deviation: 0 })
})
