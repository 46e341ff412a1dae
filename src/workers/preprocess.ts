import sharp, { type Sharp } from 'sharp'
import { decoder, decoding, readHeader } from './decode.js'

export interface PreprocessOptions {
  /** Side of the square, in pixels: 224 for CLIP ViT-B/32. */
  size: number
  /** Largest image that is decoded, in pixels. */
  maxPixels: number
}

interface Plan {
  /** The whole image with its shortest edge at `size`, in pixels. */
  width: number
  height: number
  /** Top left corner of the centre crop in it. */
  left: number
  top: number
  /** Resizing passes, see {@link MAX_SHRINK}. */
  passes: number
}

/** libvips averages blocks of pixels when it shrinks by 4 or more; below it applies the cubic kernel alone, as Pillow. */
const MAX_SHRINK = 3.9
/** Only the centre of an image more elongated than this is looked at: resized whole it would be millions of pixels long. */
const MAX_ASPECT = 100

/**
 * What CLIP's image tower sees of a photo: shortest edge to `size` with a bicubic kernel, centre crop, RGB. The sizes are
 * rounded as torchvision's `Resize` and `CenterCrop` do, the pixels are within 0.5/255 of Pillow's on average. Upright by
 * EXIF; colour profiles are ignored, as CLIP ignores them, except that CMYK is converted by its own; alpha is dropped as
 * Pillow drops it (resized premultiplied, not composed with a background); 16 bits become 8; of several frames the first.
 *
 * @returns [size, size, 3], RGB, row by row
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function preprocess(image: Uint8Array, options: PreprocessOptions): Promise<Uint8Array> {
  const { size, maxPixels } = options
  const { width, height, isCmyk } = await readHeader(image, maxPixels)
  let pipeline = decoder(image, { maxPixels, ignoreIcc: !isCmyk })
  const seen = centreOfElongated(width, height)
  if (seen.width !== width || seen.height !== height) pipeline = pipeline.extract(seen)
  const plan = planResize(seen.width, seen.height, size)
  for (let pass = plan.passes - 1; pass > 0; pass--) {
    const scale = MAX_SHRINK ** pass
    pipeline = await materialise(resize(pipeline, Math.round(plan.width * scale), Math.round(plan.height * scale)))
  }
  const { width: w, height: h, left, top } = plan
  const square = resize(pipeline, w, h).extract({ left, top, width: size, height: size }).removeAlpha()
  return await decoding(square.raw().toBuffer())
}

/**
 * torchvision's arithmetic: the long edge is cut to an integer, the crop's offset is rounded half to even.
 * https://github.com/pytorch/vision/blob/main/torchvision/transforms/functional.py (_compute_resized_output_size, center_crop)
 */
function planResize(width: number, height: number, size: number): Plan {
  const shortest = Math.min(width, height)
  const scaled = (edge: number) => (edge === shortest ? size : Math.floor((size * edge) / shortest))
  const plan = { width: scaled(width), height: scaled(height) }
  return {
    ...plan,
    left: roundHalfToEven((plan.width - size) / 2),
    top: roundHalfToEven((plan.height - size) / 2),
    passes: Math.max(1, Math.ceil(Math.log(shortest / size) / Math.log(MAX_SHRINK))),
  }
}

function centreOfElongated(width: number, height: number) {
  const most = MAX_ASPECT * Math.min(width, height)
  const cut = (edge: number) => (edge > most ? most + ((edge - most) % 2) : edge)
  const [w, h] = [cut(width), cut(height)]
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}

/** Without shrinking while loading: JPEG and WebP would do it with another filter. */
function resize(pipeline: Sharp, width: number, height: number): Sharp {
  return pipeline.resize(width, height, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: false }).toColourspace('srgb')
}

async function materialise(pipeline: Sharp): Promise<Sharp> {
  const { data, info } = await decoding(pipeline.raw().toBuffer({ resolveWithObject: true }))
  return sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
