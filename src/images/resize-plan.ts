import type { ImageInput } from '../domain/image-input.js'
import type { Box, Size } from './orientation.js'

/** Which part of an upright image a model sees, and at which size. Lengths are pixels. */
export interface ResizePlan {
  /** The part of the image that is resized: all of it, except the ends of a very elongated one. */
  sourceRegion: Box
  /** The size of the resized source region. */
  width: number
  height: number
  /** Top left corner of the model's square in the resized region. */
  left: number
  top: number
  size: number
}

/** Of a more elongated image only the centre counts: the whole, resized, could be millions of pixels long. */
const MAX_ASPECT = 100

/**
 * Plans as torchvision does: the long edge is truncated, the offset of the crop is rounded half to even. `cropShare` is
 * timm's `crop_pct`: the edge that is resized to is rounded down.
 * https://github.com/pytorch/vision/blob/main/torchvision/transforms/functional.py (_compute_resized_output_size,
 * center_crop)
 * https://github.com/huggingface/pytorch-image-models/blob/main/timm/data/transforms_factory.py
 * (transforms_imagenet_eval)
 */
export function planResize(image: Size, input: ImageInput): ResizePlan {
  const { size } = input
  if (input.fit === 'squash') {
    const sourceRegion = { left: 0, top: 0, width: image.width, height: image.height }
    return { sourceRegion, width: size, height: size, left: 0, top: 0, size }
  }
  const sourceRegion = centreOfElongated(image)
  const shortest = Math.min(sourceRegion.width, sourceRegion.height)
  const edge = Math.floor(size / input.cropShare)
  const scaled = (length: number) => (length === shortest ? edge : Math.floor((edge * length) / shortest))
  const [width, height] = [scaled(sourceRegion.width), scaled(sourceRegion.height)]
  const [left, top] = [roundHalfToEven((width - size) / 2), roundHalfToEven((height - size) / 2)]
  return { sourceRegion, width, height, left, top, size }
}

function centreOfElongated({ width, height }: Size): Box {
  const most = MAX_ASPECT * Math.min(width, height)
  const cut = (edge: number) => (edge > most ? most + ((edge - most) % 2) : edge)
  const [w, h] = [cut(width), cut(height)]
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
