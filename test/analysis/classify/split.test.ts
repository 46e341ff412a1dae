import { expect, test } from 'vitest'
import { stratifiedFolds, stratifiedSplit } from '../../../src/analysis/classify/split.js'

const classesOf = (...counts: number[]) => ({
  classes: Int32Array.from(counts.flatMap((count, k) => new Array<number>(count).fill(k))),
  classCount: counts.length,
})
const countsOf = ({ classes, classCount }: ReturnType<typeof classesOf>, places: Int32Array) =>
  Array.from({ length: classCount }, (_, k) => places.filter(place => classes[place] === k).length)

test('A split has the wanted size and the share of each class, and every sample once', () => {
  const samples = classesOf(360, 185, 61)
  const { train, test: tested } = stratifiedSplit(samples, 0.2, 0)
  expect(tested.length).toBe(Math.ceil(0.2 * 606))
  expect(countsOf(samples, tested)).toEqual([72, 37, 13])
  expect([...train, ...tested].sort((a, b) => a - b)).toEqual([...samples.classes.keys()])
})

test('The same seed gives the same split, another one another', () => {
  const samples = classesOf(50, 50)
  expect(stratifiedSplit(samples, 0.3, 7)).toEqual(stratifiedSplit(samples, 0.3, 7))
  expect(stratifiedSplit(samples, 0.3, 7)).not.toEqual(stratifiedSplit(samples, 0.3, 8))
})

test('A class of two has one sample in each part', () => {
  const samples = classesOf(100, 2)
  for (const share of [0.05, 0.5, 0.95]) expect(countsOf(samples, stratifiedSplit(samples, share, 1).test)[1]).toBe(1)
})

test('Folds test every sample once, and hold even parts of each class', () => {
  const samples = classesOf(23, 12, 6)
  const folds = stratifiedFolds(samples, 5, 3)
  expect(folds.flatMap(fold => [...fold.test]).sort((a, b) => a - b)).toEqual([...samples.classes.keys()])
  const sizes = folds.map(fold => fold.test.length)
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
  for (const fold of folds) {
    expect(fold.train.length + fold.test.length).toBe(41)
    expect(countsOf(samples, fold.test)[0]).toBeGreaterThanOrEqual(4)
    expect(countsOf(samples, fold.test)[2]).toBeGreaterThanOrEqual(1)
  }
})
