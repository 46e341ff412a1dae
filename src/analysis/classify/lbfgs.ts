/** A differentiable function at a point. */
export interface Evaluation {
  value: number
  gradient: Float64Array
}

export interface MinimiseOptions {
  /** Ends when no component of the gradient is larger. */
  tolerance: number
  maxIterations: number
}

/** Pairs of steps and gradient changes that approximate the curvature. */
const MEMORY = 10
const MAX_STEPS_PER_LINE = 30
/** Of the weak Wolfe conditions: enough descent, and enough less slope. */
const DESCENT = 1e-4
const SLOPE = 0.9

interface Pair {
  step: Float64Array
  change: Float64Array
  /** 1 / (step · change) */
  inverse: number
}

/**
 * Minimises a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5), with a line
 * search by bisection for the weak Wolfe conditions (Lewis and Overton, doi:10.1007/s10107-012-0514-2, algorithm 2.6).
 * Also ends where rounding hides further descent.
 */
export async function minimise(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  { tolerance, maxIterations }: MinimiseOptions,
): Promise<Float64Array> {
  let point = start
  let here = await evaluate(point)
  const pairs: Pair[] = []
  for (let iteration = 0; iteration < maxIterations && largest(here.gradient) > tolerance; iteration++) {
    const direction = descentDirection(here.gradient, pairs)
    const first = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(here.gradient, here.gradient))) : 1
    const found = await searchLine(evaluate, point, here, direction, first)
    if (found === null) break
    const step = difference(found.point, point)
    const change = difference(found.here.gradient, here.gradient)
    const curvature = dot(step, change)
    if (curvature > 1e-12 * dot(change, change)) pairs.push({ step, change, inverse: 1 / curvature })
    if (pairs.length > MEMORY) pairs.shift()
    point = found.point
    here = found.here
  }
  return point
}

/** The two-loop recursion. */
function descentDirection(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map(value => -value)
  const factors = new Float64Array(pairs.length)
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, inverse } = pairs[i]!
    factors[i] = inverse * dot(step, direction)
    add(direction, change, -factors[i]!)
  }
  const last = pairs.at(-1)
  if (last !== undefined) {
    const scale = 1 / (last.inverse * dot(last.change, last.change))
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale
  }
  for (const [i, { step, change, inverse }] of pairs.entries())
    add(direction, step, factors[i]! - inverse * dot(change, direction))
  return direction
}

async function searchLine(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  from: Float64Array,
  start: Evaluation,
  direction: Float64Array,
  first: number,
): Promise<{ point: Float64Array; here: Evaluation } | null> {
  const slope = dot(start.gradient, direction)
  if (!(slope < 0)) return null
  let low = 0
  let high = Number.POSITIVE_INFINITY
  let best: { point: Float64Array; here: Evaluation } | null = null
  for (let tries = 0, length = first; tries < MAX_STEPS_PER_LINE; tries++) {
    const point = from.slice()
    add(point, direction, length)
    const here = await evaluate(point)
    if (!(here.value <= start.value + DESCENT * length * slope)) high = length
    else {
      best = { point, here }
      if (dot(here.gradient, direction) >= SLOPE * slope) return best
      low = length
    }
    length = Number.isFinite(high) ? (low + high) / 2 : 2 * low
  }
  return best
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function add(to: Float64Array, what: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * what[i]!
}

const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - b[i]!)

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
