import { breather } from '../../event-loop.js'
import { randomFrom } from '../../random.js'
import type { FuzzyGraph } from './fuzzy-graph.js'

export interface LayoutOptions {
  seed: number
  signal?: AbortSignal
  onEpoch?: (epoch: number, epochs: number) => void
}

/** 1 / (1 + A d^(2 B)) fits the membership for a least distance of 0.1 and a spread of 1, the defaults of umap-learn. */
const A = 1.576943460405378
const B = 0.8950608781227859
/** Rows that push a row away, per row that attracts it. */
const PUSHES = 5
const LONGEST_STEP = 4
const MANY_ROWS = 10_000
const EDGES_PER_BREATH = 20_000

/**
 * The optimisation of UMAP: neighbours attract each other by their weight, and rows drawn at random push each other away,
 * by stochastic gradient descent with a falling step. The same seed gives the same layout.
 * @param start [n, 2]; is moved
 */
export async function layOut(start: Float32Array, graph: FuzzyGraph, options: LayoutOptions): Promise<void> {
  const n = start.length / 2
  const epochs = n > MANY_ROWS ? 200 : 500
  const { from, to, every } = sampledEdges(graph, epochs)
  const descent = new Descent(start, randomFrom(options.seed))
  const due = Float32Array.from(every)
  const pushEvery = every.map(each => each / PUSHES)
  const pushDue = Float32Array.from(pushEvery)
  const breath = breather(options.signal)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const step = 1 - epoch / epochs
    for (let edge = 0; edge < every.length; edge++) {
      if (edge % EDGES_PER_BREATH === 0) await breath()
      if (due[edge]! > epoch) continue
      descent.attract(from[edge]!, to[edge]!, step)
      due[edge]! += every[edge]!
      const pushes = Math.floor((epoch - pushDue[edge]!) / pushEvery[edge]!)
      for (let push = 0; push < pushes; push++) descent.pushAway(from[edge]!, step)
      pushDue[edge]! += pushes * pushEvery[edge]!
    }
    options.onEpoch?.(epoch + 1, epochs)
  }
}

/** Edges that are used at least once, with the number of epochs from one use to the next. */
function sampledEdges({ from, to, weight }: FuzzyGraph, epochs: number) {
  const most = weight.reduce((largest, each) => Math.max(largest, each), 0)
  const used = Array.from(weight.keys()).filter(edge => weight[edge]! >= most / epochs)
  return {
    from: Int32Array.from(used, edge => from[edge]!),
    to: Int32Array.from(used, edge => to[edge]!),
    every: Float32Array.from(used, edge => most / weight[edge]!),
  }
}

/** Moves of points along the gradients of UMAP's cross-entropy. */
class Descent {
  private readonly n: number

  constructor(
    private readonly points: Float32Array,
    private readonly random: () => number,
  ) {
    this.n = points.length / 2
  }

  attract(one: number, other: number, step: number): void {
    const { points } = this
    const dx = points[2 * one]! - points[2 * other]!
    const dy = points[2 * one + 1]! - points[2 * other + 1]!
    const squared = dx * dx + dy * dy
    if (squared === 0) return
    const power = squared ** B
    const pull = (-2 * A * B * power) / squared / (A * power + 1)
    const [moveX, moveY] = [step * clipped(pull * dx), step * clipped(pull * dy)]
    points[2 * one]! += moveX
    points[2 * one + 1]! += moveY
    points[2 * other]! -= moveX
    points[2 * other + 1]! -= moveY
  }

  /** From a row drawn at random. */
  pushAway(one: number, step: number): void {
    const other = Math.floor(this.random() * this.n)
    if (other === one) return
    const { points } = this
    const dx = points[2 * one]! - points[2 * other]!
    const dy = points[2 * one + 1]! - points[2 * other + 1]!
    const squared = dx * dx + dy * dy
    if (squared === 0) return
    const push = (2 * B) / ((0.001 + squared) * (A * squared ** B + 1))
    points[2 * one]! += step * clipped(push * dx)
    points[2 * one + 1]! += step * clipped(push * dy)
  }
}

const clipped = (value: number): number => Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, value))
