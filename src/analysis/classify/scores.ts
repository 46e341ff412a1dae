/** How well predictions agree with the truth. */
export interface Scores {
  /** Share of right predictions. */
  accuracy: number
  /** Mean recall of the classes that occur. */
  balancedAccuracy: number
  /** Mean F1 of the classes that occur or were predicted. */
  macroF1: number
  /** Photos by true class (rows) and predicted class (columns). */
  confusion: number[][]
}

/** Definitions as in scikit-learn. @param truth [n] @param predicted [n] */
export function scoresOf(truth: Int32Array, predicted: Int32Array, classCount: number): Scores {
  const confusion = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0))
  truth.forEach((each, i) => {
    confusion[each]![predicted[i]!]!++
  })
  const right = confusion.map((row, k) => row[k]!)
  const actual = confusion.map(row => sum(row))
  const claimed = confusion.map((_, k) => sum(confusion.map(row => row[k]!)))
  const recalls = right.flatMap((count, k) => (actual[k]! > 0 ? [count / actual[k]!] : []))
  const f1s = right.flatMap((count, k) => {
    const both = actual[k]! + claimed[k]!
    return both > 0 ? [(2 * count) / both] : []
  })
  return { accuracy: sum(right) / truth.length, balancedAccuracy: mean(recalls), macroF1: mean(f1s), confusion }
}

export interface Spread {
  mean: number
  /** Standard deviation, with n - 1. */
  deviation: number
}

export function spreadOf(values: readonly number[]): Spread {
  const middle = mean(values)
  const squares = sum(values.map(value => (value - middle) ** 2))
  return { mean: middle, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
