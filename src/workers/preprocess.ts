import sharp, { type Sharp } from 'sharp'
import type { ImageInput } from '../domain/image-input.js'
import { decoder, decoding, type ImageHeader, readHeader } from './decode.js'
import { type DecodedJpeg, jpegSquare, type SquareOfImage } from './jpeg-square.js'
import { lyingBox, turnedSize, uprightSquare } from './orientation.js'
import type { PixelBudget } from './pixel-budget.js'
import { resample } from './resample.js'
import { planResize } from './resize-plan.js'
import { copySize } from './store-copy.js'

export interface PreprocessOptions {
  input: ImageInput
  /** Largest image that is decoded, in pixels. */
  maxPixels: number
  /**
   * `exact` (default): within 0.5/255 of Pillow on average. `fast`: JPEG and WebP shrink further while they are decoded,
   * which filters them in another way; `docs/images.md` has what that costs and gains.
   */
  mode?: 'exact' | 'fast'
  /** Shared by all images that are decoded side by side. */
  budget?: PixelBudget
  /** Decodes what `jpegSquare` does, elsewhere than in this thread. */
  jpegSquare?: (image: Uint8Array, wanted: SquareOfImage) => Promise<DecodedJpeg | null>
  /**
   * A copy of this height will be made: `onSmaller` is given what a JPEG became on the way, the larger first, where it is at
   * least as high and the copy may be made of it as well as of the file.
   */
  copy?: { height: number; onSmaller: (smaller: SmallerImage) => void }
}

/** All of a photo at a smaller size: upright, sRGB. */
export interface SmallerImage extends Size {
  /** [height, width, channels], row by row */
  data: Uint8Array
  channels: 1 | 2 | 3 | 4
}

interface Size {
  width: number
  height: number
}

/**
 * libvips averages blocks of pixels when it shrinks by 4 or more; below it applies the kernel alone, as Pillow does
 * (0.2/255 apart at the median of real photos, in 1 ms; Pillow's own arithmetic takes 6 ms of the main thread in
 * JavaScript). Enlarging, libvips rounds positions to 1/64 pixel, which comes to 0.7/255: there the exact way is taken.
 */
const MAX_SHRINK = 3.9

/**
 * What a model's image tower sees of a photo: resized and cropped as its input says, RGB. The sizes are rounded as
 * torchvision's `Resize` and `CenterCrop` do, the pixels are within 0.5/255 of Pillow's on average. Upright by EXIF.
 * Colour profiles are ignored, as CLIP ignores them, except that CMYK is converted by its own where it has one. Alpha is
 * dropped as Pillow drops it: resized premultiplied, not composed with a background. Palettes become RGB before they are
 * resized, 16 bits become 8, and of several frames the first is taken.
 *
 * @returns [size, size, 3], RGB, row by row
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function preprocess(image: Uint8Array, options: PreprocessOptions): Promise<Uint8Array> {
  const header = await readHeader(image, options.maxPixels)
  const square = () => squareOf(image, header, options)
  return options.budget ? options.budget.spend(header.pixelsInMemory, square) : square()
}

/** What shrinks by more is decoded at half the size, if it is an ordinary JPEG. */
const MAX_FULL_SHRINK = { exact: 9, fast: 4 }

async function squareOf(image: Uint8Array, header: ImageHeader, options: PreprocessOptions): Promise<Uint8Array> {
  const { input, maxPixels, mode = 'exact' } = options
  const plan = planResize(header, input)
  const { orientation } = header
  const seen = lyingBox(plan.seen, header, orientation)
  const target = turnedSize(plan, orientation)
  const window = lyingBox({ ...plan, width: plan.size, height: plan.size }, plan, orientation)
  const isWhole = plan.seen.width === header.width && plan.seen.height === header.height
  const isEnlarged = target.width > seen.width || target.height > seen.height
  const { steps, scaled } = stepsBetween(seen, target, isWhole && header.format === 'JPEG' && header.cmyk === 'no')
  const { left, top } = window
  const copy = isWhole && isPlain(header) ? options.copy : undefined
  if (header.format === 'JPEG' && header.cmyk === 'no') {
    const shrink = Math.min(seen.width / target.width, seen.height / target.height)
    const scale = isWhole && shrink > MAX_FULL_SHRINK[mode] ? 2 : 1
    const wanted: SquareOfImage = { seen, ...target, left, top, size: plan.size, kernel: input.kernel, scale }
    const square = await squareOfOrdinaryJpeg(image, header, wanted, { ...options, copy })
    if (square !== null) return uprightSquare(square, plan.size, orientation)
  }
  if (mode === 'fast' && !isEnlarged) steps.length = 0

  let inks = header.cmyk === 'untagged'
  let loadsSmaller = scaled || mode === 'fast'
  let pipeline = decoder(image, { maxPixels, ignoreIcc: header.cmyk !== 'profiled' })
  if (!isWhole) pipeline = pipeline.extract(seen)
  const kernel = input.kernel === 'bicubic' ? 'cubic' : 'linear'
  const resize = (to: Size) =>
    inSpace(pipeline, inks, loadsSmaller).resize(to.width, to.height, { fit: 'fill', kernel })
  for (const step of steps) {
    const { data, ...raw } = await pixelsOf(resize(step), inks)
    if (copy && raw.height >= copy.height) copy.onSmaller({ data, ...raw })
    pipeline = sharp(data, { raw })
    inks = false
    loadsSmaller = false
  }
  const part = { left, top, width: plan.size, height: plan.size }
  const pixels = isEnlarged
    ? resample(
        await pixelsOf(inSpace(pipeline, inks, false), inks),
        { ...target, left, top, size: plan.size },
        input.kernel,
      )
    : (await pixelsOf(withoutAlpha(resize(target).extract(part), inks), inks)).data
  return uprightSquare(pixels, plan.size, orientation)
}

/** @returns null for any other image */
async function squareOfOrdinaryJpeg(
  image: Uint8Array,
  header: ImageHeader,
  wanted: SquareOfImage,
  options: PreprocessOptions,
): Promise<Uint8Array | null> {
  const { copy, jpegSquare: decode = jpegSquare } = options
  const picture = copy && pictureFor(copy.height, header, wanted.scale ?? 1)
  const decoded = await decode(image, { ...wanted, picture })
  if (copy && picture && decoded?.picture) copy.onSmaller({ data: decoded.picture, channels: 3, ...picture })
  return decoded?.square ?? null
}

/** A picture for the copy of an elongated image may be tens of times as large as others', and what it is made of as well. */
const MAX_PICTURE_PIXELS = 4 << 20
/** `assembly/` takes a little more. */
const MAX_PICTURE_SHRINK = 100

/** The size of the picture that is made on the way for a copy of that height; undefined if that is made of the file. */
function pictureFor(copyHeight: number, image: Size, scale: number): Size | undefined {
  const shrink = image.height / scale / copyHeight
  const size = copySize(image, copyHeight)
  const isMade = size && shrink > 1 && shrink <= MAX_PICTURE_SHRINK && size.width * size.height <= MAX_PICTURE_PIXELS
  return isMade ? size : undefined
}

/** Whether its pixels are as they are seen. */
function isPlain({ format, orientation, cmyk, hasProfile }: ImageHeader): boolean {
  return format === 'JPEG' && orientation === 1 && cmyk === 'no' && !hasProfile
}

/**
 * Sizes between both, so that no step shrinks by more than {@link MAX_SHRINK}.
 *
 * A JPEG may be decoded at a half, a quarter or an eighth on its way to the first of them, which is then the only one: at
 * least 4.4 pixels of the smaller image make one of the result, and what Pillow makes of smaller images like that is
 * 0.21/255 from the exact on average and 6/255 at most, for pictures of single-pixel detail (`docs/images.md`). Only where
 * the scale divides both edges: else the last row or column of the smaller image stands for a part of a pixel, and
 * everything is off by that share (0.6/255 at 4421 × 3000, halved).
 */
function stepsBetween(from: Size, to: Size, isScalable: boolean): { steps: Size[]; scaled: boolean } {
  const between = (scale: number) => ({
    width: Math.min(from.width, Math.round(to.width * scale)),
    height: Math.min(from.height, Math.round(to.height * scale)),
  })
  const last = between(MAX_SHRINK)
  const [across, down] = [from.width / last.width, from.height / last.height]
  const scale = isScalable ? scaleOfSharp(Math.min(across, down)) : 1
  if (
    scale > 1 &&
    Math.max(across, down) <= scale * MAX_SHRINK &&
    from.width % scale === 0 &&
    from.height % scale === 0
  )
    return { steps: [last], scaled: true }
  const shrink = Math.max(from.width / to.width, from.height / to.height)
  const count = Math.max(1, Math.ceil(Math.log(shrink) / Math.log(MAX_SHRINK))) - 1
  return { steps: Array.from({ length: count }, (_, i) => between(MAX_SHRINK ** (count - i))), scaled: false }
}

/** The scale that sharp decodes a JPEG at when it shrinks it by so much (src/pipeline.cc, `jpegShrinkOnLoad`). */
function scaleOfSharp(shrink: number): number {
  const scale = [8, 4, 2].find(scale => shrink >= scale) ?? 1
  return scale > 1 && Math.floor(shrink) === scale ? scale / 2 : scale
}

/** @param loadsSmaller a JPEG or WebP may be decoded at a smaller size: sharp does so only where the pipeline's space is open */
function inSpace(pipeline: Sharp, inks: boolean, loadsSmaller: boolean): Sharp {
  const space = inks ? 'cmyk' : 'srgb'
  return (loadsSmaller && !inks ? pipeline : pipeline.pipelineColourspace(space)).toColourspace(space)
}

function withoutAlpha(pipeline: Sharp, inks: boolean): Sharp {
  return inks ? pipeline : pipeline.removeAlpha()
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
