/** The share of right ones among the checked photos of a label, with the interval that holds the true share. */
export interface LabelPrecision {
  checked: number
  correct: number
  precision: number
  /** Ends of the interval, in [0, 1]. */
  low: number
  high: number
}

/** Of the standard normal distribution: 95 % lie within this many deviations. */
const Z = 1.959963984540054

/** @throws RangeError unless 0 ≤ correct ≤ checked, and checked > 0 */
export function precisionOf(correct: number, checked: number): LabelPrecision {
  return { checked, correct, precision: correct / checked, ...wilsonInterval(correct, checked) }
}

/**
 * The score interval of a share, at 95 % (E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953). Unlike the mean ± 2
 * deviations it is right for few photos, and for shares near 0 and 1.
 * @throws RangeError unless 0 ≤ correct ≤ checked, and checked > 0
 */
export function wilsonInterval(correct: number, checked: number): { low: number; high: number } {
  if (!(checked > 0 && correct >= 0 && correct <= checked))
    throw new RangeError(`expected a share of at least one photo, found ${correct} of ${checked}`)
  const share = correct / checked
  const scale = 1 + Z ** 2 / checked
  const middle = (share + Z ** 2 / (2 * checked)) / scale
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / checked + Z ** 2 / (4 * checked ** 2))
  // At the ends the formula gives 0 and 1, but for rounding.
  return { low: correct === 0 ? 0 : middle - half, high: correct === checked ? 1 : middle + half }
}
