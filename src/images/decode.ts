import sharp, { type Sharp } from 'sharp'
import { PhotoError } from '../domain/errors.js'
import { type ImageInput, squareBytes } from '../domain/image-input.js'
import { pictureOf } from './formats/open-picture.js'
import { type ImageHeader, readHeader } from './image-header.js'
import { type CropRequest, type DecodedJpeg, decodeJpegCrop } from './jpeg-crop.js'
import { decoder, decoding, withoutExtraChannels } from './libvips.js'
import { type Orientation, orientSquare, type Size, toFileBox, turnedSize } from './orientation.js'
import type { PixelBudget } from './pixel-budget.js'
import { copySize, type Preview, previewSize } from './preview.js'
import { type Raster, resample } from './resample.js'
import { planResize } from './resize-plan.js'
import { shrinkSteps } from './shrink-steps.js'

/** What a model sees of a photo, and what the photo's copy can be made of. */
export interface DecodedPhoto {
  /** [input.size, input.size, 3], RGB, row by row */
  square: Uint8Array
  /** At least as high as the copy; only of photos that would have to be decoded again for it. */
  preview?: Preview
  /** The upright photo. */
  photo?: Size & { orientation: Orientation }
  /** What `copyOf` made, of a photo whose file holds no picture to make the copy of. */
  copy?: Buffer
}

/** Decodes as {@link decodeJpegCrop} does, in other threads. */
export interface CropThreads {
  decode(image: Uint8Array, request: CropRequest): Promise<DecodedJpeg | null>
  /** Takes back pixels that nobody reads any more. */
  release(pixels: Uint8Array): void
}

export interface DecodeOptions {
  input: ImageInput
  /** Largest image that is decoded, in pixels. */
  maxPixels: number
  /**
   * `exact` (default): within 0.5/255 of Pillow on average. `fast`: JPEG and WebP are decoded at a smaller scale, which
   * filters them differently; docs/explanation/images.md states the cost and the gain.
   */
  mode?: 'exact' | 'fast'
  /** `auto` (default): `assembly/` decodes ordinary JPEGs. `libvips`: it is switched off. */
  jpegDecoder?: 'auto' | 'libvips'
  /** Where `assembly/` decodes; in the calling thread by default. */
  threads?: CropThreads
  /** Shared by all images that are decoded concurrently. */
  budget?: PixelBudget
  /** Height of the copy that will be stored; without it there is no preview. */
  copyHeight?: number
  /**
   * Makes the copy of what is decoded instead of the file: the JPEG of a camera RAW file, the pixels of HEIC or BMP. Those are
   * in memory until it settles.
   * @param budget undefined when the pixels are paid for
   */
  copyOf?: (picture: Buffer, budget?: PixelBudget) => Promise<Buffer>
}

/** In this thread, into new memory. */
const HERE: CropThreads = {
  decode: async (image, request) => decodeJpegCrop(image, request),
  release() {},
}

/** An ordinary JPEG that shrinks by more is decoded at half the size (docs/explanation/images.md). */
const MAX_FULL_SHRINK = { exact: 9, fast: 4 }

/**
 * Decodes a photo to the input of a model's image tower: resized and cropped, RGB, upright by EXIF. Sizes are rounded
 * as torchvision's `Resize` and `CenterCrop` round them; pixels are within 0.5/255 of Pillow's on average. Colour
 * profiles are ignored, as CLIP ignores them, except that of CMYK. Alpha is dropped as Pillow drops it, bit for bit:
 * resized premultiplied, not composed with a background. Palettes become RGB before the resize, 16 bits become 8, the first
 * frame counts. Extra channels of a TIFF are dropped.
 *
 * A camera RAW file is decoded from the JPEG in it; HEIC and BMP are decoded first, in threads of their own, and are in memory
 * as a whole from then on until their copy is made.
 *
 * There are two ways. `assembly/` decodes, resizes and crops an ordinary JPEG in one pass, and makes the preview from
 * the same rows. libvips does everything else, in steps; the intermediate size of a large JPEG is then its preview.
 *
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function decode(file: Uint8Array, options: DecodeOptions): Promise<DecodedPhoto> {
  const { maxPixels, budget } = options
  const picture = await pictureOf(Buffer.from(file.buffer, file.byteOffset, file.byteLength), maxPixels)
  if (picture.pixels === 0 || !budget) return await decodePicture(await picture.open(), file, options)
  // Only one at a time may wait for a share: one that waits while it holds another would hold up everybody.
  return await budget.spend(picture.pixels, async () =>
    decodePicture(await picture.open(), file, { ...options, budget: undefined }),
  )
}

/** @param image the picture of the file */
async function decodePicture(image: Buffer, file: Uint8Array, options: DecodeOptions): Promise<DecodedPhoto> {
  const { input, maxPixels, budget, copyOf } = options
  const header = await readHeader(image, maxPixels)
  const work = async () => {
    const layout = layOut(header, input)
    const crop = await decodeOrdinaryJpeg(image, header, layout, options)
    return crop ?? (await decodeByLibvips(image, header, layout, options))
  }
  const { square, ...rest } = await (budget ? budget.spend(header.pixelsInMemory, work) : work())
  if (square.length !== squareBytes(input))
    throw new PhotoError('UNSUPPORTED_IMAGE', `expected ${squareBytes(input)} bytes of RGB, found ${square.length}`)
  const { width, height, orientation } = header
  const isFile = image.buffer === file.buffer && image.length === file.length
  const copy = isFile || !copyOf || rest.preview ? {} : { copy: await copyOf(image, budget) }
  return { square, ...rest, photo: { width, height, orientation }, ...copy }
}

/** The square alone. @returns [input.size, input.size, 3], RGB, row by row @throws PhotoError as {@link decode} */
export async function preprocess(image: Uint8Array, options: Omit<DecodeOptions, 'copyHeight'>): Promise<Uint8Array> {
  return (await decode(image, options)).square
}

/** A resize plan in the coordinates of the file, which may not be upright. */
type Layout = ReturnType<typeof layOut>

function layOut(header: ImageHeader, input: ImageInput) {
  const { orientation } = header
  const plan = planResize(header, input)
  const { size } = plan
  const { left, top } = toFileBox({ ...plan, width: size, height: size }, plan, orientation)
  return {
    /** The part of the image that is resized. */
    sourceRegion: toFileBox(plan.sourceRegion, header, orientation),
    /** Its size after that. */
    target: turnedSize(plan, orientation),
    /** The square in it. */
    crop: { left, top, size },
    isWhole: plan.sourceRegion.width === header.width && plan.sourceRegion.height === header.height,
  }
}

/** @returns null for an image that `assembly/` does not decode */
async function decodeOrdinaryJpeg(
  image: Uint8Array,
  header: ImageHeader,
  { sourceRegion, target, crop, isWhole }: Layout,
  { input, mode = 'exact', jpegDecoder = 'auto', threads = HERE, copyHeight }: DecodeOptions,
): Promise<DecodedPhoto | null> {
  if (jpegDecoder === 'libvips' || header.format !== 'JPEG' || header.cmyk !== 'no') return null
  const shrink = Math.min(sourceRegion.width / target.width, sourceRegion.height / target.height)
  const scale = isWhole && shrink > MAX_FULL_SHRINK[mode] ? 2 : 1
  const size = copyHeight && isWhole && isPlain(header) ? previewSize(header, copyHeight, scale) : undefined
  const request: CropRequest = { sourceRegion, ...target, ...crop, kernel: input.kernel, scale, preview: size }
  const decoded = await threads.decode(image, request)
  if (decoded === null) return null
  const square = orientSquare(decoded.square, crop.size, header.orientation)
  if (square !== decoded.square) threads.release(decoded.square)
  if (!size || !decoded.preview) return { square }
  return { square, preview: { data: decoded.preview, channels: 3, ...size, photo: sizeOf(header) } }
}

async function decodeByLibvips(
  image: Uint8Array,
  header: ImageHeader,
  { sourceRegion, target, crop, isWhole }: Layout,
  { input, maxPixels, mode = 'exact', copyHeight }: DecodeOptions,
): Promise<DecodedPhoto> {
  const isEnlarged = target.width > sourceRegion.width || target.height > sourceRegion.height
  const isScalable = isWhole && header.format === 'JPEG' && header.cmyk === 'no'
  const { steps, scaled } = shrinkSteps(sourceRegion, target, isScalable)
  if (mode === 'fast' && !isEnlarged) steps.length = 0

  let isCmyk = header.cmyk === 'untagged'
  let loadsSmaller = scaled || mode === 'fast'
  let pipeline = decoder(image, { maxPixels, ignoreIcc: header.cmyk !== 'profiled' })
  if (header.hasExtraChannels) pipeline = await withoutExtraChannels(pipeline)
  if (!isWhole) pipeline = pipeline.extract(sourceRegion)
  if (header.alpha !== 'no' && header.cmyk === 'no' && !header.hasExtraChannels) {
    const raster = await pixelsOf(inSpace(pipeline, false, false), false)
    if (header.alpha === 'channel' && !isOpaque(raster)) {
      // libvips rounds premultiplied colours down: by 1 level where alpha is 128, by 8 where it is 16.
      const square = resample(raster, { ...target, ...crop }, input.kernel)
      return { square: orientSquare(square, crop.size, header.orientation) }
    }
    const { width, height } = raster
    pipeline = sharp(coloursOf(raster), { raw: { width, height, channels: 3 } })
    loadsSmaller = false
  }
  const kernel = input.kernel === 'bicubic' ? 'cubic' : 'linear'
  const resize = (to: Size) =>
    inSpace(pipeline, isCmyk, loadsSmaller).resize(to.width, to.height, { fit: 'fill', kernel })
  const isPreviewWanted = copyHeight && isWhole && isPlain(header) && hasSmallerCopy(header, copyHeight)
  let preview: Preview | undefined
  for (const step of steps) {
    const { data, ...raw } = await pixelsOf(resize(step), isCmyk)
    if (isPreviewWanted && raw.height >= copyHeight) preview = { data, ...raw, photo: sizeOf(header) }
    pipeline = sharp(data, { raw })
    isCmyk = false
    loadsSmaller = false
  }
  const { left, top, size } = crop
  // Enlarging, libvips rounds positions to 1/64 pixel, which comes to 0.7/255.
  const pixels = isEnlarged
    ? resample(await pixelsOf(inSpace(pipeline, isCmyk, false), isCmyk), { ...target, ...crop }, input.kernel)
    : (await pixelsOf(withoutAlpha(resize(target).extract({ left, top, width: size, height: size }), isCmyk), isCmyk))
        .data
  const square = orientSquare(pixels, size, header.orientation)
  return preview ? { square, preview } : { square }
}

/** Whether its copy is smaller, and no wider than a JPEG can be. */
function hasSmallerCopy(image: Size, copyHeight: number): boolean {
  return image.height > copyHeight && copySize(image, copyHeight) !== null
}

/** Whether its pixels need neither turning nor conversion for the copy. */
function isPlain({ format, orientation, cmyk, hasProfile }: ImageHeader): boolean {
  return format === 'JPEG' && orientation === 1 && cmyk === 'no' && !hasProfile
}

function sizeOf({ width, height }: Size): Size {
  return { width, height }
}

/** @param loadsSmaller a JPEG or WebP may be decoded at a scale: sharp does so only if the pipeline's space is open */
function inSpace(pipeline: Sharp, isCmyk: boolean, loadsSmaller: boolean): Sharp {
  const space = isCmyk ? 'cmyk' : 'srgb'
  return (loadsSmaller && !isCmyk ? pipeline : pipeline.pipelineColourspace(space)).toColourspace(space)
}

function withoutAlpha(pipeline: Sharp, isCmyk: boolean): Sharp {
  return isCmyk ? pipeline : pipeline.removeAlpha()
}

/** RGB, or RGBA if the pipeline keeps an alpha channel. @param isCmyk whether it gives CMYK that has to be converted */
async function pixelsOf(pipeline: Sharp, isCmyk: boolean) {
  const { data, info } = await decoding(pipeline.raw().toBuffer({ resolveWithObject: true }))
  const { width, height, channels } = info
  if (isCmyk) return { data: rgbOfCmyk(data), width, height, channels: 3 as const }
  // libvips also decodes a JPEG of two components, but to no colour.
  if (channels !== 3 && channels !== 4)
    throw new PhotoError('UNSUPPORTED_IMAGE', `expected RGB, found ${channels} channels`)
  return { data, width, height, channels }
}

function isOpaque({ data, channels }: Raster): boolean {
  if (channels === 3) return true
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false
  return true
}

/** RGB without alpha, neither multiplied in nor composed with a background. */
function coloursOf({ data, width, height, channels }: Raster): Uint8Array {
  if (channels === 3) return data
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from]!
    rgb[to + 1] = data[from + 1]!
    rgb[to + 2] = data[from + 2]!
  }
  return rgb
}

/**
 * Converts CMYK without a profile in integers, as Pillow does: each ink takes away its share of the light that black
 * leaves.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Convert.c (cmyk2rgb)
 */
function rgbOfCmyk(cmyk: Uint8Array): Uint8Array {
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
