import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { fromHalf } from '../../domain/half.js'
import { IMAGE_OUTPUTS, TEXT_OUTPUTS, TOKEN_OUTPUTS } from '../graph/towers/outputs.js'
import { ImageFeeds } from './image-feeds.js'
import { invalidModel as invalid } from './session.js'
import { describeInputs, type IdType, type Inputs, readInputs, readOutput } from './signature.js'

/** Sizes of a model that its graph must have. */
export interface Expected {
  readonly dimension: number
  /** Side of the image, in pixels. */
  readonly imageSize: number
  /** See `ModelShape.pooling`. */
  readonly pooling?: 'first'
  /** Longest token sequence; undefined for an image-only model. */
  readonly contextLength?: number
}

/** One tower of a session: its inputs and its embedding output, all checked on opening. */
export class Tower {
  private constructor(
    private readonly session: InferenceSession,
    private readonly path: string,
    readonly inputs: Inputs,
    private readonly output: string,
    private readonly dimension: number,
    /** Inputs for the other tower of a file with both. */
    private readonly others: Readonly<Record<string, Tensor>>,
    private readonly pooling?: 'first',
  ) {}

  /** @throws AppError MODEL_INVALID when the session has no image tower of these sizes */
  static ofImages(session: InferenceSession, path: string, expected: Expected): Tower {
    const inputs = readInputs(path, session, expected.imageSize)
    const { pixels, ids, mask } = inputs
    const size = expected.imageSize
    if (!pixels)
      throw invalid(
        path,
        `an image tower, with an input of pixels float32 or float16 [?, 3, ${size}, ${size}]`,
        describeInputs(session),
      )
    const others = ids ? feedsOfIds({ ids, mask }, new Array(fixedLength(inputs) ?? 1).fill(0)) : {}
    const { pooling, dimension } = expected
    const output = readOutput(path, session, pooling ? TOKEN_OUTPUTS : IMAGE_OUTPUTS, dimension, pooling)
    return new Tower(session, path, inputs, output.name, dimension, others, pooling)
  }

  /** @throws AppError MODEL_INVALID when the session has no text tower of these sizes */
  static ofTexts(session: InferenceSession, path: string, expected: Expected): Tower {
    const inputs = readInputs(path, session, expected.imageSize)
    const { pixels, ids } = inputs
    if (!ids)
      throw invalid(path, 'a text tower, with an input input_ids int64 or int32 [?, ?]', describeInputs(session))
    const length = fixedLength(inputs)
    if (length !== undefined && length !== expected.contextLength)
      throw invalid(path, `input ${ids.name} [?, ${expected.contextLength}]`, `[${ids.shape.join(', ')}]`)
    const others = pixels ? blankImage(inputs, expected.imageSize) : {}
    const output = readOutput(path, session, TEXT_OUTPUTS, expected.dimension)
    return new Tower(session, path, inputs, output.name, expected.dimension, others)
  }

  /** Whether the graph takes only one image per call. */
  get takesOneImage(): boolean {
    return this.inputs.pixels?.shape[0] === 1
  }

  /** Pooled features of a convolutional network may end with sizes of 1. */
  private fits([batch, ...sizes]: readonly number[], rows: number): boolean {
    const isEmbedding = this.pooling
      ? sizes.length === 2 && sizes[0]! > 0 && sizes[1] === this.dimension
      : sizes[0] === this.dimension && sizes.slice(1).every(size => size === 1)
    return batch === rows && isEmbedding
  }

  /**
   * Runs the tower.
   * @param feeds by input name
   * @returns the output's rows, [rows, dimension], row after row
   * @throws AppError MODEL_INVALID when the output has another shape
   */
  async run(feeds: Readonly<Record<string, Tensor>>, rows: number): Promise<Float32Array> {
    return (await this.watch(feeds, rows, [])).embeddings
  }

  /**
   * Runs the tower, and returns other outputs of floats beside its own.
   * @param names of these outputs
   * @throws AppError MODEL_INVALID when the output has another shape
   */
  async watch(
    feeds: Readonly<Record<string, Tensor>>,
    rows: number,
    names: readonly string[],
  ): Promise<{ embeddings: Float32Array; watched: Float32Array[] }> {
    const { output, dimension, path } = this
    const { [output]: tensor, ...others } = await this.session.run({ ...this.others, ...feeds }, [output, ...names])
    if (!tensor || !this.fits(tensor.dims, rows)) {
      const wanted = this.pooling ? [rows, '?', dimension] : [rows, dimension]
      throw invalid(path, `${output} of shape [${wanted.join(', ')}]`, `[${tensor?.dims.join(', ')}]`)
    }
    const values = floats(tensor.data)
    const embeddings = this.pooling ? firstTokens(values, rows, dimension) : values
    return { embeddings, watched: names.map(name => floats(others[name]!.data)) }
  }
}

/** @param values [rows, tokens, dimension] @returns [rows, dimension] */
function firstTokens(values: Float32Array, rows: number, dimension: number): Float32Array {
  const first = new Float32Array(rows * dimension)
  const step = values.length / rows
  for (let row = 0; row < rows; row++) first.set(values.subarray(row * step, row * step + dimension), row * dimension)
  return first
}

/** Returns the inputs for one black image. */
function blankImage(inputs: Inputs, size: number): Record<string, Tensor> {
  const feeds = new ImageFeeds(inputs, { size, mean: [0, 0, 0], std: [1, 1, 1] })
  return feeds.of([new Uint8Array(3 * size * size)])
}

/** Returns the fixed sequence length of the graph; undefined: any length. */
export function fixedLength({ ids }: Inputs): number | undefined {
  const length = ids?.shape[1]
  return typeof length === 'number' ? length : undefined
}

/** Returns one sequence, and its mask if the graph has one. @param length tokens of the text; the rest is padding */
export function feedsOfIds(
  { ids, mask }: Pick<Inputs, 'ids' | 'mask'>,
  sequence: readonly number[],
  length = sequence.length,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  if (ids) feeds[ids.name] = integers(ids.type, sequence)
  if (mask)
    feeds[mask.name] = integers(
      mask.type,
      sequence.map((_, i) => Number(i < length)),
    )
  return feeds
}

/** [1, values.length] */
function integers(type: IdType, values: readonly number[]): Tensor {
  const shape = [1, values.length]
  return type === 'int64'
    ? new Tensor(
        type,
        BigInt64Array.from(values, value => BigInt(value)),
        shape,
      )
    : new Tensor(type, Int32Array.from(values), shape)
}

/** Converts an output to floats. Half precision comes as bits, or as numbers if Node has a Float16Array. */
function floats(data: Tensor.DataType): Float32Array {
  if (data instanceof Float32Array) return data
  return data instanceof Uint16Array ? Float32Array.from(data, fromHalf) : Float32Array.from(data as ArrayLike<number>)
}
