import { Tensor } from 'onnxruntime-node'
import { LEVEL_SCALE, LEVEL_ZERO } from '../graph/byte-pixels.js'
import { PixelQuantiser } from './pixel-levels.js'
import { PixelNormaliser, type Pixels } from './pixels.js'
import type { PixelInput } from './rewrite-graph.js'
import type { Inputs, PixelType } from './signature.js'

/** Turns images into the inputs of an image tower: floats, bytes, or levels with their scale and zero. */
export class ImageFeeds {
  private readonly pixels: PixelNormaliser | PixelQuantiser

  /** @param inputs of a graph that takes pixels */
  constructor(
    private readonly inputs: Inputs,
    private readonly input: PixelInput,
  ) {
    const { size, mean, std } = input
    this.pixels = inputs.takesLevels
      ? new PixelQuantiser(size, mean, std)
      : new PixelNormaliser(size, mean, std, inputs.pixels!.type)
  }

  /**
   * @param images RGB bytes, row by row, [size, size, 3] each
   * @returns by input name. Valid until the next call
   * @throws RangeError for an image of another size
   */
  of(images: readonly Uint8Array[]): Record<string, Tensor> {
    const { name, type } = this.inputs.pixels!
    const tensor = (data: Pixels) => ({ [name]: pixelTensor(type, data, images.length, this.input.size) })
    if (this.pixels instanceof PixelNormaliser) return tensor(this.pixels.normalise(images))
    const { levels, scale, zero } = this.pixels.quantise(images)
    return {
      ...tensor(levels),
      [LEVEL_SCALE]: new Tensor('float32', [scale], []),
      [LEVEL_ZERO]: new Tensor('uint8', [zero], []),
    }
  }
}

/** Returns a tensor of pixels. @param data of `images` images of `side` × `side`, in the layout of their type */
export function pixelTensor(type: PixelType, data: Pixels, images: number, side: number): Tensor {
  const shape = type === 'uint8' ? [images, side, side, 3] : [images, 3, side, side]
  const tensor = new Tensor(type, data as Float32Array, shape)
  // Since Node 24 the class holds a Float16Array, which the runtime's native side does not read (1.30: "not enough
  // space").
  if (tensor.data !== data) Object.defineProperty(tensor, 'data', { value: data })
  return tensor
}
