import { join } from 'node:path'
import type { FileRewrites } from '../../domain/rewrite.js'
import { type PixelScale, useBytePixels } from '../graph/byte-pixels.js'
import { useClassTokenOnly } from '../graph/class-token.js'
import { type ModelGraph, mapModel } from '../graph/model-file.js'
import { notNeeded, type Rewrite, type RewriteName } from '../graph/rewrite.js'
import { useSignedWeights } from '../graph/signed-weights.js'
import { keepOneTower } from '../graph/towers/keep-one-tower.js'
import { IMAGE_OUTPUTS, TEXT_OUTPUTS, TOKEN_OUTPUTS } from '../graph/towers/outputs.js'
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
  readonly pooling?: 'first'
}

/** A tower to open. */
export interface TowerFile {
  readonly kind: 'image' | 'text'
  readonly file: string
  /** Of a file with both towers: names of the embedding of this one, preferred first. */
  readonly outputs?: readonly string[]
}

/** Where a graph is computed: which rewrites make it faster there. */
export interface Target {
  readonly provider: ExecutionProvider
  /** Whether the CPU has VNNI; default: {@link hasVnni}. */
  readonly vnni?: boolean
}

/** Rewrites that apply to a text tower: it has neither pixels nor a class token. */
const OF_TEXTS: readonly RewriteName[] = ['signed-weights']

/** Returns the towers of a model. The runtime opens each alone, also those of one file. */
export function towersOf({ visionFile, textFile, pooling }: Omit<TowerFiles, 'input' | 'mean' | 'std'>): TowerFile[] {
  if (textFile === undefined) return [{ kind: 'image', file: visionFile }]
  const ofBoth = (outputs: readonly string[]) => (visionFile === textFile ? { outputs } : {})
  return [
    { kind: 'image', file: visionFile, ...ofBoth(pooling ? TOKEN_OUTPUTS : IMAGE_OUTPUTS) },
    { kind: 'text', file: textFile, ...ofBoth(TEXT_OUTPUTS) },
  ]
}

/**
 * Leaves the tower to open, and applies every rewrite to it.
 * @param outputs see {@link TowerFile}
 * @returns the outcomes of the rewrites
 */
export function rewriteGraph(
  graph: ModelGraph,
  { provider, vnni = hasVnni() }: Target,
  pixels: PixelInput | undefined,
  outputs?: readonly string[],
): readonly Rewrite[] {
  if (outputs) keepOneTower(graph, outputs)
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

/** Returns the rewrites that concern a tower. */
export function concerning({ kind, file }: TowerFile, rewrites: readonly Rewrite[]): FileRewrites {
  return { file, rewrites: kind === 'image' ? rewrites : rewrites.filter(({ name }) => OF_TEXTS.includes(name)) }
}

/** Of the two towers of a file, that one counts which says more. */
const BY_WEIGHT: readonly Rewrite['outcome'][] = ['left-out', 'applied', 'not-needed']

/** Adds the rewrites of a tower to those of others: one entry per file. */
export function addRewrites(found: FileRewrites[], { file, rewrites }: FileRewrites): void {
  const place = found.findIndex(one => one.file === file)
  if (place < 0) found.push({ file, rewrites })
  else {
    const weight = ({ outcome }: Rewrite) => BY_WEIGHT.indexOf(outcome)
    const [more, fewer] = [found[place]!.rewrites, rewrites].sort((a, b) => b.length - a.length)
    const joined = more!.map(rewrite => {
      const other = fewer!.find(({ name }) => name === rewrite.name)
      return other && weight(other) < weight(rewrite) ? other : rewrite
    })
    found[place] = { file, rewrites: joined }
  }
}

/**
 * Returns which rewrites apply to the files of a model, from their graphs alone: nothing is opened.
 * @param folder of the model
 * @returns null when a file is no readable ONNX model
 */
export function planRewrites(spec: TowerFiles, folder: string, target: Target): FileRewrites[] | null {
  const { input, mean, std } = spec
  const found: FileRewrites[] = []
  try {
    for (const tower of towersOf(spec))
      mapModel(join(folder, tower.file), graph => {
        const rewrites = rewriteGraph(graph, target, { size: input.size, mean, std }, tower.outputs)
        addRewrites(found, concerning(tower, rewrites))
      })
    return found
  } catch {
    return null
  }
}
