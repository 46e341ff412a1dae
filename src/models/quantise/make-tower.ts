import { dirname, join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { AppError } from '../../domain/errors.js'
import { cosineSimilarity } from '../../domain/similarity.js'
import type { ModelSpec } from '../catalog/spec.js'
import type { Cosines } from '../files/made-record.js'
import { copyModel, type ModelGraph, mapModel } from '../graph/model-file.js'
import type { PixelInput } from '../runtime/rewrite-graph.js'
import { providerOptions } from '../runtime/session.js'
import { type Plan, planOf } from './recipe/plan.js'
import { smoothGraph } from './recipe/smooth-graph.js'
import { type Range, type WatchedOutputs, watchRanges } from './recipe/watch.js'
import { type Inputs, type Outputs, runTowers } from './run-towers.js'

/** A model file in 32 bits, and what is known of it. */
export interface Calibrated {
  readonly outputs: Outputs
  /** Of each channel, by value. */
  readonly ranges: ReadonlyMap<string, Range>
}

/**
 * Runs a model file in 32 bits, and keeps the ranges that the recipe needs.
 * @throws AppError MODEL_INVALID when it has no products that the recipe could change
 */
export async function calibrate(spec: ModelSpec, folder: string, file: string, inputs: Inputs): Promise<Calibrated> {
  const path = join(folder, file)
  let names = new Map<string, WatchedOutputs>()
  const model = mapModel(path, graph => {
    names = watchRanges(graph, expectPlan(graph, path))
  })
  const extra = { session: { model_external_initializers_file_folder_path: dirname(path) } }
  const session = await InferenceSession.create(model, { ...providerOptions('cpu'), extra })
  try {
    const watched = [...names.values()].flatMap(({ highest, highestNegative }) => [highest, highestNegative])
    const outputs = await runTowers({ spec, folder, file, session }, inputs, watched)
    const ranges = [...names.keys()].map((name, at) => {
      const [highest, highestNegative] = outputs.highest.slice(2 * at, 2 * at + 2) as [Float32Array, Float32Array]
      return [name, { highest, lowest: highestNegative.map(value => -value) }] as const
    })
    return { outputs, ranges: new Map(ranges) }
  } finally {
    await session.release()
  }
}

function expectPlan(graph: ModelGraph, path: string): Plan {
  const plan = planOf(graph)
  if (plan.smoothable.length > 0) return plan
  throw new AppError(
    'MODEL_INVALID',
    `${path}: expected products behind layer norms, in 32 bits, to make int8-smooth of, found ${plan.linears.length} products and none behind a layer norm. Export the model again without the runtime's optimiser, or use another precision.`,
  )
}

/** Returns the parts of the file in 8 bits. */
export function smoothFile(
  path: string,
  { ranges }: Calibrated,
  pixels: PixelInput,
  notes: Readonly<Record<string, string>>,
): Uint8Array[] {
  return copyModel(path, graph => smoothGraph(graph, planOf(graph), ranges, pixels), notes)
}

/** Returns the cosine similarities of embeddings with those in 32 bits. */
export function cosinesOf(found: readonly Float32Array[], wanted: readonly Float32Array[]): Cosines {
  const cosines = found.map((each, at) => cosineSimilarity(each, wanted[at]!)).sort((a, b) => a - b)
  return { median: cosines[cosines.length >> 1]!, least: cosines[0]! }
}
