/** A score with what is true of it. */
export interface JudgedScore {
  score: number
  isYes: boolean
  weight: number
}

/** Turns scores into probabilities: sigmoid(slope × score + offset). */
export interface Calibration {
  slope: number
  offset: number
}

const MAX_ITERATIONS = 100
const TOLERANCE = 1e-9
const LONGEST_STEP = 2

/**
 * Platt scaling (J. Platt, 1999, with the targets of section 2.2): logistic regression on scores, towards (n + 1) / (n
 * + 2) for the n positive ones and 1 / (n + 2) for the n negative ones instead of 1 and 0, by Newton's method. Scores
 * of examples must come from models that were trained without them.
 */
export function calibrate(scores: readonly JudgedScore[]): Calibration {
  const weightOf = (isYes: boolean) => scores.reduce((sum, each) => sum + (each.isYes === isYes ? each.weight : 0), 0)
  const high = (weightOf(true) + 1) / (weightOf(true) + 2)
  const low = 1 / (weightOf(false) + 2)
  let slope = 1
  let offset = 0
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    let [g1, g0, h11, h10, h00] = [0, 0, 1e-9, 0, 1e-9]
    for (const { score, isYes, weight } of scores) {
      const p = 1 / (1 + Math.exp(-(slope * score + offset)))
      const residual = weight * (p - (isYes ? high : low))
      const curvature = weight * p * (1 - p)
      g1 += residual * score
      g0 += residual
      h11 += curvature * score * score
      h10 += curvature * score
      h00 += curvature
    }
    const determinant = h11 * h00 - h10 * h10
    const step = [(h00 * g1 - h10 * g0) / determinant, (h11 * g0 - h10 * g1) / determinant] as const
    const largest = Math.max(...step.map(Math.abs))
    if (!Number.isFinite(largest)) break
    const factor = Math.min(1, LONGEST_STEP / largest)
    slope -= factor * step[0]
    offset -= factor * step[1]
    if (largest < TOLERANCE) break
  }
  return { slope, offset }
}
