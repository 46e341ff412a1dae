import type { Metadata } from 'sharp'
import type { ImageInput } from '../domain/image-input.js'
import { isRaw, pictureOf } from './formats/open-picture.js'
import { type ImageFormat, imageFormat } from './image-format.js'
import { readHeader } from './image-header.js'
import { readMetadata } from './libvips.js'
import type { ExifFields } from './metadata/exif.js'
import { metadataBlocks } from './metadata/read-file-metadata.js'
import { planResize } from './resize-plan.js'
import { type CopyLimits, smallJpeg } from './small-jpeg.js'

/** The properties of an image file, and the results of processing it. Lengths are pixels of the upright image. */
export interface ImageDescription {
  format: ImageFormat
  bytes: number
  /** As Pillow names it: 1, L, LA, P, RGB, RGBA, CMYK, …; 16 bits as `RGB;16`. */
  mode: string
  width: number
  height: number
  bitsPerChannel: number
  progressive: boolean
  /** EXIF orientation. 1: upright in the file; 2 to 8: turned upright. */
  orientation: number
  frames: number
  /** Name of the colour profile, null without one. As in CLIP, only that of CMYK counts. */
  colourProfile: string | null
  exif: ExifFields
  /** Size of the whole image, resized so that its crop fills the model's square. */
  resized: { width: number; height: number }
  /** The part of the image that the model sees. */
  cropBox: { left: number; top: number; width: number; height: number }
  copy: 'kept as it is, without metadata' | 'encoded again'
}

/**
 * @param input of the model
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function describeImage(
  image: Buffer,
  { input, maxPixels, copy }: { input: ImageInput; maxPixels: number; copy: CopyLimits },
): Promise<ImageDescription> {
  const picture = await (await pictureOf(image, maxPixels)).open()
  const { width, height, orientation } = await readHeader(picture, maxPixels)
  const metadata = await readMetadata(picture)
  const plan = planResize({ width, height }, input)
  const [across, down] = [plan.sourceRegion.width / plan.width, plan.sourceRegion.height / plan.height]
  const tenths = (value: number) => Math.round(10 * value) / 10
  return {
    format: isRaw(image) ? 'RAW' : imageFormat(image),
    bytes: image.length,
    mode: modeOf(metadata),
    width,
    height,
    bitsPerChannel: metadata.bitsPerSample ?? (metadata.depth === 'uchar' ? 8 : 16),
    progressive: metadata.isProgressive ?? false,
    orientation,
    frames: metadata.pages ?? 1,
    colourProfile: metadata.icc ? profileName(metadata.icc) : null,
    exif: (await metadataBlocks(image)).exif,
    resized: { width: plan.width, height: plan.height },
    cropBox: {
      left: tenths(plan.sourceRegion.left + plan.left * across),
      top: tenths(plan.sourceRegion.top + plan.top * down),
      width: tenths(plan.size * across),
      height: tenths(plan.size * down),
    },
    copy: smallJpeg(picture, copy) === null ? 'encoded again' : 'kept as it is, without metadata',
  }
}

function modeOf({ space, channels, hasAlpha, isPalette, depth, bitsPerSample }: Metadata): string {
  if (isPalette) return 'P'
  const colours = (channels ?? 3) - (hasAlpha ? 1 : 0)
  if (colours === 1 && bitsPerSample === 1) return '1'
  const base = space === 'cmyk' ? 'CMYK' : space === 'lab' || space === 'labs' ? 'LAB' : colours === 1 ? 'L' : 'RGB'
  return `${base}${hasAlpha ? 'A' : ''}${depth === 'uchar' ? '' : ';16'}`
}

/**
 * The description in a profile's table of tags: ASCII in version 2, UTF-16 in version 4 (ICC.1:2022, 9.2.41 and 10.15).
 */
function profileName(profile: Buffer): string {
  const unnamed = 'without a name'
  if (profile.length < 132) return unnamed
  const count = Math.min(profile.readUInt32BE(128), Math.floor((profile.length - 132) / 12))
  for (let i = 0; i < count; i++) {
    const entry = 132 + 12 * i
    if (profile.toString('latin1', entry, entry + 4) !== 'desc') continue
    const at = profile.readUInt32BE(entry + 4)
    if (at + 28 > profile.length) return unnamed
    if (profile.toString('latin1', at, at + 4) === 'desc')
      return profile.toString('latin1', at + 12, at + 12 + profile.readUInt32BE(at + 8)).replace(/\0.*$/s, '')
    const [length, offset] = [profile.readUInt32BE(at + 20), profile.readUInt32BE(at + 24)]
    return new TextDecoder('utf-16be').decode(profile.subarray(at + offset, at + offset + length)).replaceAll('\0', '')
  }
  return unnamed
}
