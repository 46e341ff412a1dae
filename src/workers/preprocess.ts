import sharp, { type Sharp } from 'sharp'
import { resizeBicubic } from './bicubic.js'
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
  /** How often libvips shrinks it, see {@link MAX_SHRINK}; 0: it has to be enlarged, which libvips does too roughly. */
  passes: number
}

/**
 * libvips averages blocks of pixels when it shrinks by 4 or more; below it applies the cubic kernel alone, as Pillow does
 * (0.2/255 apart at the median of real photos, in 1 ms; Pillow's own arithmetic takes 6 ms of the main thread in
 * JavaScript). Enlarging, libvips rounds positions to 1/64 pixel, which comes to 0.7/255: there the exact way is taken.
 */
const MAX_SHRINK = 3.9
/** Only the centre of an image more elongated than this is looked at: resized whole it would be millions of pixels long. */
const MAX_ASPECT = 100

/**
 * What CLIP's image tower sees of a photo: shortest edge to `size` with a bicubic kernel, centre crop, RGB. The sizes are
 * rounded as torchvision's `Resize` and `CenterCrop` do, the pixels are within 0.5/255 of Pillow's on average. Upright by
 * EXIF. Colour profiles are ignored, as CLIP ignores them, except that CMYK is converted by its own where it has one.
 * Alpha is dropped as Pillow drops it: resized premultiplied, not composed with a background. Palettes become RGB before
 * they are resized, 16 bits become 8, and of several frames the first is taken.
 *
 * @returns [size, size, 3], RGB, row by row
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function preprocess(image: Uint8Array, options: PreprocessOptions): Promise<Uint8Array> {
  const { size, maxPixels } = options
  const header = await readHeader(image, maxPixels)
  const seen = centreOfElongated(header)
  const plan = planResize(seen.width, seen.height, size)
  let pipeline = decoder(image, { maxPixels, ignoreIcc: header.cmyk !== 'profiled' })
  let inks = header.cmyk === 'untagged'
  if (seen.width !== header.width || seen.height !== header.height) pipeline = pipeline.extract(seen)
  for (let pass = plan.passes - 1; pass > 0; pass--) {
    const scale = MAX_SHRINK ** pass
    const shrunk = resize(pipeline, Math.round(plan.width * scale), Math.round(plan.height * scale), inks)
    const { data, ...raw } = await pixelsOf(shrunk, inks)
    pipeline = sharp(data, { raw })
    inks = false
  }
  if (plan.passes === 0) return resizeBicubic(await pixelsOf(inSpace(pipeline, inks), inks), { ...plan, size })
  const { left, top } = plan
  const square = resize(pipeline, plan.width, plan.height, inks).extract({ left, top, width: size, height: size })
  return (await pixelsOf(inks ? square : square.removeAlpha(), inks)).data
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
    passes: shortest < size ? 0 : Math.max(1, Math.ceil(Math.log(shortest / size) / Math.log(MAX_SHRINK))),
  }
}

function centreOfElongated({ width, height }: { width: number; height: number }) {
  const most = MAX_ASPECT * Math.min(width, height)
  const cut = (edge: number) => (edge > most ? most + ((edge - most) % 2) : edge)
  const [w, h] = [cut(width), cut(height)]
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}

/** Without shrinking while loading: JPEG and WebP would do it with another filter. */
function resize(pipeline: Sharp, width: number, height: number, inks: boolean): Sharp {
  return inSpace(pipeline, inks).resize(width, height, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: false })
}

function inSpace(pipeline: Sharp, inks: boolean): Sharp {
  const space = inks ? 'cmyk' : 'srgb'
  return pipeline.pipelineColourspace(space).toColourspace(space)
}

/** RGB, or RGBA when the pipeline keeps an alpha channel. @param inks whether it gives CMYK that has to be converted */
async function pixelsOf(pipeline: Sharp, inks: boolean) {
  const { data, info } = await decoding(pipeline.raw().toBuffer({ resolveWithObject: true }))
  const { width, height, channels } = info
  return inks ? { data: rgbOfInks(data), width, height, channels: 3 as const } : { data, width, height, channels }
}

/**
 * Without a profile: each ink takes away its share of what black leaves, in integers as Pillow does it.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Convert.c (cmyk2rgb)
 */
function rgbOfInks(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3)
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - cmyk[from + 3]!
    for (let ink = 0; ink < 3; ink++) {
      const product = cmyk[from + ink]! * light + 128
      rgb[to++] = light - (((product >> 8) + product) >> 8)
    }
  }
  return rgb
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
