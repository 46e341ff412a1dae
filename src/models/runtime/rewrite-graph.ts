import { join } from 'node:path'
import type { FileRewrites } from '../../domain/rewrite.js'
import { type PixelScale, useBytePixels } from '../graph/byte-pixels.js'
import { useClassTokenOnly } from '../graph/class-token.js'
import { type ModelGraph, mapModel } from '../graph/model-file.js'
import { notNeeded, type Rewrite, type RewriteName } from '../graph/rewrite.js'
import { useSignedWeights } from '../graph/signed-weights.js'
import type { ExecutionProvider } from './providers.js'
import { hasVnni } from './vnni.js'

/** Input of an image tower. */
export interface PixelInput extends PixelScale {
  /** Side of the picture, in pixels. */
  readonly size: number
}

/** The files of a model's towers, and the input of its image tower. */
export interface TowerFiles extends PixelScale {
  readonly input: { readonly size: number }
  readonly visionFile: string
  readonly textFile?: string
}

/** Where a graph is computed: which rewrites make it faster there. */
export interface Target {
  readonly provider: ExecutionProvider
  /** Whether the CPU has VNNI; default: {@link hasVnni}. */
  readonly vnni?: boolean
}

/** Rewrites that apply to a text tower: it has neither pixels nor a class token. */
const OF_TEXTS: readonly RewriteName[] = ['signed-weights']

/** Applies every rewrite to a graph. @returns their outcomes */
export function rewriteGraph(
  graph: ModelGraph,
  { provider, vnni = hasVnni() }: Target,
  pixels: PixelInput | undefined,
): readonly Rewrite[] {
  const forCpu = 'it is faster on the CPU alone'
  const bytes = (input: PixelInput) =>
    provider === 'cpu'
      ? useBytePixels(graph, input.size, input, vnni ? 'integer' : 'float')
      : notNeeded('byte-pixels', forCpu)
  return [
    useClassTokenOnly(graph),
    provider === 'cpu' ? useSignedWeights(graph, process.arch === 'x64' && !vnni) : notNeeded('signed-weights', forCpu),
    ...(pixels ? [bytes(pixels)] : []),
  ]
}

/** Returns the rewrites that concern the towers of a file. */
export function concerning(
  { visionFile }: Pick<TowerFiles, 'visionFile'>,
  file: string,
  rewrites: readonly Rewrite[],
): FileRewrites {
  return { file, rewrites: file === visionFile ? rewrites : rewrites.filter(({ name }) => OF_TEXTS.includes(name)) }
}

/**
 * Returns which rewrites apply to the files of a model, from their graphs alone: nothing is opened.
 * @param folder of the model
 * @returns null when a file is no readable ONNX model
 */
export function planRewrites(spec: TowerFiles, folder: string, target: Target): FileRewrites[] | null {
  const { input, mean, std } = spec
  try {
    return [...new Set([spec.visionFile, ...(spec.textFile ? [spec.textFile] : [])])].map(file => {
      let rewrites: readonly Rewrite[] = []
      mapModel(join(folder, file), graph => {
        rewrites = rewriteGraph(graph, target, { size: input.size, mean, std })
      })
      return concerning(spec, file, rewrites)
    })
  } catch {
    return null
  }
}
