import { fromHalf } from '../../domain/half.js'
import type { Scoring } from '../../domain/model.js'
import { type FetchedModel, type ModelSource, SourceError } from '../files/source.js'
import { isObject, type Json, objectAt, textAt } from './json.js'
import type { ListedFile, Listing } from './sources/repository.js'
import { openClipOf } from './text-input.js'

/** A logit is `logitScale` × cosine similarity + `logitBias`. */
export interface LabelScale {
  readonly scoring: Scoring
  readonly logitScale: number
  readonly logitBias: number
  readonly from: string
  /** Whether the values are the model's own. */
  readonly isOwn: boolean
}

/** Where weights may be read: a file of safetensors with the ways to open it. */
export interface Weights {
  readonly source: ModelSource
  readonly model: FetchedModel
  readonly file: ListedFile
  /** For display: `model.safetensors of google/siglip-base-patch16-224`. */
  readonly title: string
}

const NAMES = ['model.safetensors', 'open_clip_model.safetensors']
/** Headers of safetensors of large models have less than one. */
const MAX_HEADER_BYTES = 8 * 1024 ** 2
/** exp of the trained scale of OpenAI's CLIP, clipped at 100 in training (Radford et al. 2021, 2.5). */
const CLIP_SCALE = 100
/** google/siglip-base-patch16-224, model.safetensors: exp(logit_scale) and logit_bias. */
const SIGLIP = { logitScale: 117.330795, logitBias: -12.932437 }

/** Whether labels are scored one by one (SigLIP), or all together. */
export function scoringOf(config: Json | undefined, openClipConfig: Json | undefined): Scoring {
  const isSigmoid = textAt(config, 'model_type')?.startsWith('siglip')
  return isSigmoid || openClipOf(config, openClipConfig)?.init_logit_bias !== undefined ? 'sigmoid' : 'softmax'
}

/** The file of safetensors of a listing, unless it is in parts. */
export function weightsOf({ files }: Listing): ListedFile | undefined {
  return NAMES.flatMap(name => files.filter(({ path }) => path === name))[0]
}

/**
 * Finds the scale of logits, which exports of towers do not have: two numbers of the weights that were exported, read by
 * two small requests. Pickled weights (.bin, .pt) are never read.
 * @param find opens safetensors of the repository, or of the one that it was made of; undefined without one
 */
export async function findLabelScale(
  scoring: Scoring,
  find: () => Promise<Weights | undefined>,
  signal: AbortSignal,
): Promise<LabelScale> {
  const weights = await find()
  const read = weights && (await readScalars(weights, ['logit_scale', 'logit_bias'], signal))
  const scale = read?.get('logit_scale')
  if (weights && scale !== undefined && scale > 0 && scale < Math.log(1e6)) {
    const logitScale = Math.round(Math.exp(scale) * 1e6) / 1e6
    return { scoring, logitScale, logitBias: read?.get('logit_bias') ?? 0, from: weights.title, isOwn: true }
  }
  return scoring === 'sigmoid'
    ? { scoring, ...SIGLIP, from: 'those of google/siglip-base-patch16-224', isOwn: false }
    : { scoring, logitScale: CLIP_SCALE, logitBias: 0, from: 'those of OpenAI’s CLIP', isOwn: false }
}

/**
 * Reads single numbers of a file of safetensors: 8 bytes with the length of a header in JSON, the header, the values.
 * https://huggingface.co/docs/safetensors/index
 */
async function readScalars(
  { source, model, file }: Weights,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const read = (start: number, end: number) => readRange(source, model, file, start, end, signal)
  const found = new Map<string, number>()
  try {
    const length = Number((await read(0, 8)).readBigUInt64LE())
    if (length > Math.min(MAX_HEADER_BYTES, file.bytes)) return found
    const header: unknown = JSON.parse((await read(8, 8 + length)).toString())
    for (const name of names) {
      const tensor = objectAt(header, name)
      const [start, end] = Array.isArray(tensor?.data_offsets) ? tensor.data_offsets : []
      const type = textAt(tensor, 'dtype') ?? ''
      const bytes = SIZES.get(type)
      if (!isObject(tensor) || bytes === undefined || end - start !== bytes || !(start >= 0)) continue
      const value = numberOf(type, await read(8 + length + start, 8 + length + end))
      if (Number.isFinite(value)) found.set(name, value)
    }
  } catch (error) {
    signal.throwIfAborted()
    // Only labels need the numbers; the caller says that they are not confirmed.
    if (!(error instanceof SourceError || error instanceof SyntaxError || error instanceof RangeError)) throw error
  }
  return found
}

const SIZES: ReadonlyMap<string, number> = new Map([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
])

function numberOf(type: string, bytes: Buffer): number {
  if (type === 'F32') return bytes.readFloatLE()
  if (type === 'F16') return fromHalf(bytes.readUInt16LE())
  return Buffer.concat([Buffer.alloc(2), bytes]).readFloatLE()
}

async function readRange(
  source: ModelSource,
  model: FetchedModel,
  { path, bytes }: ListedFile,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const opened = await source.open(model, { path, bytes, sha256: '' }, start, signal)
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    // A server that ignores ranges would send the whole file.
    if (opened.start !== start) throw new SourceError('refused', 'the server does not send parts of files')
    for await (const chunk of opened.body) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= end - start) break
    }
  } finally {
    await opened.close()
  }
  if (length < end - start) throw new SourceError('interrupted', 'the file ended early')
  return Buffer.concat(chunks).subarray(0, end - start)
}
