import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { BYTE_PIXELS, LEVEL_SCALE, LEVEL_ZERO } from '../graph/byte-pixels.js'
import { WATCHED } from '../graph/model-graph.js'
import { invalidModel as invalid } from './session.js'

/** Types of the pixel input and the embedding output. */
export type FloatType = 'float32' | 'float16'
/** uint8: RGB bytes or levels, [batch, size, size, 3]; only graphs changed by useBytePixels take them. */
export type PixelType = FloatType | 'uint8'
export type IdType = 'int64' | 'int32'

/** An input or output in the session's list. A text in the shape is a variable size. */
interface Value<Type extends Tensor.Type = Tensor.Type> {
  readonly name: string
  readonly type: Type
  readonly shape: readonly (number | string)[]
}

/** Inputs of a graph. A file with both towers has all of them. */
export interface Inputs {
  /** [batch, 3, size, size] */
  readonly pixels?: Value<PixelType>
  /** Whether the pixels are levels, with the inputs LEVEL_SCALE and LEVEL_ZERO beside them. */
  readonly takesLevels: boolean
  /** [batch, sequence] */
  readonly ids?: Value<IdType>
  /** [batch, sequence] */
  readonly mask?: Value<IdType>
}

/** Names of the token ids in exports; the first match counts. */
export const IDS = ['input_ids', 'text', 'tokens']
export const MASK = 'attention_mask'
/** Inputs of SigLIP 2 NaFlex beside the patches. */
export const OF_NAFLEX = ['pixel_attention_mask', 'spatial_shapes']

/**
 * Identifies the inputs of a graph. Pixels are the only floating-point input of four dimensions, whatever its name.
 * @param path of the model file, for messages
 * @param size side of the image, in pixels
 * @throws AppError MODEL_INVALID for an input of another form
 */
export function readInputs(path: string, session: InferenceSession, size: number): Inputs {
  const values = tensors(session.inputMetadata)
  if (values.some(({ name }) => OF_NAFLEX.includes(name)))
    throw invalid(
      path,
      `pixels [?, 3, ${size}, ${size}]`,
      `${listed('inputs', values)}: patches of pictures of any shape, as SigLIP 2 NaFlex has them, which is not supported (use a SigLIP 2 of a fixed size)`,
    )
  const images = values.filter(
    ({ name, type, shape }) => name === BYTE_PIXELS || (type.startsWith('float') && shape.length === 4),
  )
  if (images.length > 1) throw invalid(path, 'one input of pixels', listed('inputs', images))
  const [pixels] = images
  const ids = IDS.flatMap(name => values.filter(value => value.name === name))[0]
  const mask = values.find(({ name }) => name === MASK)
  const ofLevels = values.filter(({ name }) => name === LEVEL_SCALE || name === LEVEL_ZERO)
  const unknown = values.filter(value => ![pixels, ids, mask, ...ofLevels].includes(value))
  if (unknown.length > 0) throw invalid(path, `no inputs but pixels, ${IDS[0]} and ${MASK}`, listed('inputs', unknown))
  for (const { name, shape } of values)
    if (typeof shape[0] === 'number' && shape[0] !== 1)
      throw invalid(path, `input ${name} for a batch of any size, or of 1`, `a batch of ${shape[0]} built in`)
  return {
    pixels:
      pixels?.name === BYTE_PIXELS
        ? expectValue(path, 'input', pixels, ['uint8'], [undefined, size, size, 3])
        : expectValue(path, 'input', pixels, ['float32', 'float16'], [undefined, 3, size, size]),
    takesLevels: ofLevels.length > 0,
    ids: expectValue(path, 'input', ids, ['int64', 'int32'], [undefined, undefined]),
    mask: expectValue(path, 'input', mask, ['int64', 'int32'], [undefined, undefined]),
  }
}

/**
 * Chooses the output that holds the embeddings.
 * @param names well-known names, preferred first; the only output of a graph may have any name
 * @throws AppError MODEL_INVALID when there is none, or the chosen one is no [batch, dimension]; with `pooling`
 * [batch, tokens, dimension]
 */
export function readOutput(
  path: string,
  session: InferenceSession,
  names: readonly string[],
  dimension: number,
  pooling?: 'first',
): Value<FloatType> {
  const values = tensors(session.outputMetadata).filter(({ name }) => !name.startsWith(WATCHED))
  const known = names.flatMap(name => values.filter(value => value.name === name))
  const chosen = known[0] ?? (values.length === 1 ? values[0] : undefined)
  if (!chosen) throw invalid(path, `an output named ${names.join(' or ')}`, listed('outputs', values))
  const ones = pooling ? [] : new Array(Math.max(0, chosen.shape.length - 2)).fill(1)
  const sizes = pooling ? [undefined, undefined, dimension] : [undefined, dimension, ...ones]
  return expectValue(path, 'output', chosen, ['float32', 'float16'], sizes)
}

/** Describes the inputs for messages: `inputs input_ids int64 [batch, sequence]`. */
export function describeInputs(session: InferenceSession): string {
  return listed('inputs', tensors(session.inputMetadata))
}

function tensors(metadata: readonly InferenceSession.ValueMetadata[]): Value[] {
  return metadata.map(value =>
    value.isTensor ? value : { name: value.name, type: 'no tensor' as Tensor.Type, shape: [] },
  )
}

function expectValue<Type extends Tensor.Type, V extends Value | undefined>(
  path: string,
  role: 'input' | 'output',
  value: V,
  types: readonly Type[],
  shape: readonly (number | undefined)[],
): V extends undefined ? undefined : Value<Type>
function expectValue<Type extends Tensor.Type>(
  path: string,
  role: 'input' | 'output',
  value: Value | undefined,
  types: readonly Type[],
  shape: readonly (number | undefined)[],
): Value<Type> | undefined {
  if (value === undefined) return undefined
  // A shape without sizes: the graph does not state them. Every call checks the result.
  const fits =
    value.shape.length === 0 ||
    (value.shape.length === shape.length &&
      shape.every((size, i) => size === undefined || typeof value.shape[i] !== 'number' || value.shape[i] === size))
  if (types.includes(value.type as Type) && fits) return value as Value<Type>
  const wanted = `${types.join(' or ')} [${shape.map(size => size ?? '?').join(', ')}]`
  throw invalid(path, `${role} ${value.name} ${wanted}`, described(value))
}

function listed(what: string, values: readonly Value[]): string {
  return `${what} ${values.map(value => `${value.name} ${described(value)}`).join(', ')}`
}

function described({ type, shape }: Value): string {
  return `${type} [${shape.map(size => (size === '' ? '?' : size)).join(', ')}]`
}
