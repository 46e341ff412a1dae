import type { ImageInput } from '../domain/image-input.js'

/** What of an upright image a model sees, and at which size. Lengths are pixels. */
export interface ResizePlan {
  /** Part of the image that is looked at; all of it, but for the ends of very elongated ones. */
  seen: { left: number; top: number; width: number; height: number }
  /** That part resized. */
  width: number
  height: number
  /** Top left corner of the model's square in it. */
  left: number
  top: number
  size: number
}

/** Only the centre of an image more elongated than this is looked at: resized whole it would be millions of pixels long. */
const MAX_ASPECT = 100

/**
 * torchvision's arithmetic: the long edge is cut to an integer, the crop's offset is rounded half to even; timm's for
 * `cropShare`: what is resized to is rounded down.
 * https://github.com/pytorch/vision/blob/main/torchvision/transforms/functional.py (_compute_resized_output_size, center_crop)
 * https://github.com/huggingface/pytorch-image-models/blob/main/timm/data/transforms_factory.py (transforms_imagenet_eval)
 */
export function planResize(image: { width: number; height: number }, input: ImageInput): ResizePlan {
  const { size } = input
  if (input.fit === 'squash') {
    const seen = { left: 0, top: 0, width: image.width, height: image.height }
    return { seen, width: size, height: size, left: 0, top: 0, size }
  }
  const seen = centreOfElongated(image)
  const shortest = Math.min(seen.width, seen.height)
  const edge = Math.floor(size / input.cropShare)
  const scaled = (length: number) => (length === shortest ? edge : Math.floor((edge * length) / shortest))
  const [width, height] = [scaled(seen.width), scaled(seen.height)]
  const [left, top] = [roundHalfToEven((width - size) / 2), roundHalfToEven((height - size) / 2)]
  return { seen, width, height, left, top, size }
}

function centreOfElongated({ width, height }: { width: number; height: number }) {
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
