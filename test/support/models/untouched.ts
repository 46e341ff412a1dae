import { dirname, join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import type { ModelSpec } from '../../../src/models/catalog/registry.js'
import { percentile } from '../../../src/models/check/rankings.js'
import { type ModelGraph, mapModel } from '../../../src/models/graph/model-file.js'
import { ImageFeeds } from '../../../src/models/runtime/image-feeds.js'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { feedsOfIds, fixedLength, Tower } from '../../../src/models/runtime/tower.js'

/** As the encoder's. In int8 an embedding depends on the other images of its call. */
const IMAGES_PER_CALL = 8
/** What tools/exported-miniatures/make.py embedded. */
export const TEXTS = ['a dog', 'two red cars', 'night']
const PICTURES = 4

/** RGB bytes, [size, size, 3] each, as tools/exported-miniatures/make.py computes them: noise in several brightnesses. */
export function pictures(size: number): Uint8Array[] {
  let state = 11
  return Array.from({ length: PICTURES }, (_, index) =>
    Uint8Array.from({ length: size * size * 3 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor(((state >>> 24) * (1 + index)) / PICTURES)
    }),
  )
}

/** How the runtime opens and calls an untouched file. */
export interface Untouched {
  /** Applied to the graph; absent: the runtime gets the file itself. */
  readonly change?: (graph: ModelGraph) => unknown
  readonly imagesPerCall?: number
  /** Absent: the runtime's own, `all`. */
  readonly graphOptimizationLevel?: InferenceSession.SessionOptions['graphOptimizationLevel']
}

/** Embeds images as the runtime does from a model's file as it is. */
export async function imagesUntouched(
  spec: ModelSpec,
  folder: string,
  images: readonly Uint8Array[],
  { change, imagesPerCall = IMAGES_PER_CALL, graphOptimizationLevel = 'all' }: Untouched = {},
): Promise<Float32Array[]> {
  const path = join(folder, spec.visionFile)
  const session = await open(path, change, graphOptimizationLevel)
  const { dimension, input, mean, std } = spec
  const tower = Tower.ofImages(session, path, expectedOf(spec))
  const feeds = new ImageFeeds(tower.inputs, { size: input.size, mean, std })
  const step = tower.takesOneImage ? 1 : imagesPerCall
  const rows: Float32Array[] = []
  for (let first = 0; first < images.length; first += step) {
    const some = images.slice(first, first + step)
    const found = await tower.run(feeds.of(some), some.length)
    for (const row of some.keys()) rows.push(normalise(found.slice(row * dimension, (row + 1) * dimension)))
  }
  await session.release()
  return rows
}

/** The same for texts, one per call. */
export async function textsUntouched(
  spec: ModelSpec,
  folder: string,
  texts: readonly string[],
): Promise<Float32Array[]> {
  if (!spec.text || !spec.textFile) return []
  const path = join(folder, spec.textFile)
  const session = await open(path)
  const tower = Tower.ofTexts(session, path, expectedOf(spec))
  const { contextLength, padId } = spec.text
  const tokenizer = await loadTokenizer(folder, contextLength, spec.text)
  const isPadded = padId !== undefined || fixedLength(tower.inputs) !== undefined
  const rows: Float32Array[] = []
  for (const text of texts) {
    const ids = tokenizer.encode(text)
    const padding = isPadded ? new Array(contextLength - ids.length).fill(padId ?? tokenizer.endId) : []
    rows.push(normalise(await tower.run(feedsOfIds(tower.inputs, [...ids, ...padding], ids.length), 1)))
  }
  await session.release()
  return rows
}

/** Cosine similarity of two lists of embeddings. */
export interface Similarity {
  readonly least: number
  readonly median: number
}

/**
 * The cosine similarity of two lists of embeddings: direct, and without the mean of the second list. With random weights
 * embeddings of different pictures are similar, so a wrong one could hide behind the mean.
 */
export function similarity(
  found: readonly Float32Array[],
  wanted: readonly Float32Array[],
): { direct: Similarity; centred: Similarity } {
  const compare = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]) => {
    const cosines = a.map((row, index) => Math.min(1, cosineSimilarity(row, b[index]!)))
    return { least: Math.min(1, ...cosines), median: cosines.length > 0 ? percentile(cosines, 0.5) : 1 }
  }
  const mean = Float64Array.from(
    wanted[0] ?? [],
    (_, at) => wanted.reduce((sum, row) => sum + row[at]!, 0) / wanted.length,
  )
  const centred = (rows: readonly Float32Array[]) =>
    rows.map(row => Float64Array.from(row, (value, at) => value - mean[at]!))
  return { direct: compare(found, wanted), centred: compare(centred(found), centred(wanted)) }
}

function open(
  path: string,
  change?: Untouched['change'],
  graphOptimizationLevel: Untouched['graphOptimizationLevel'] = 'all',
): Promise<InferenceSession> {
  const options = { intraOpNumThreads: 1, graphOptimizationLevel }
  if (!change) return InferenceSession.create(path, options)
  const extra = { session: { model_external_initializers_file_folder_path: dirname(path) } }
  return InferenceSession.create(mapModel(path, change), { ...options, extra })
}

function expectedOf({ dimension, input, text }: ModelSpec) {
  return { dimension, imageSize: input.size, contextLength: text?.contextLength }
}
