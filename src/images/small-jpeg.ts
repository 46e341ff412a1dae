import {
  bodyOf,
  type JpegFrame,
  type JpegSegment,
  jpegFrame,
  jpegSegments,
  MARKERS,
  PICTURE_SEGMENTS,
  segmentsNamed,
} from './jpeg-markers.js'
import { readExif } from './metadata/exif.js'

/** The limits of a stored copy. */
export interface CopyLimits {
  /** Largest height, in pixels. */
  height: number
  /** JPEG quality on libjpeg's scale, 1 to 100. */
  quality: number
}

const ADOBE_BYTES = 16
/** A shorter segment says nothing to libjpeg (jdmarker.c, APP0_DATA_LEN). */
const MIN_JFIF_BYTES = 18
/** JFIF 1.01 without density or thumbnail. */
const JFIF = Buffer.from('ffe000104a46494600010100000100010000', 'hex')

/**
 * libjpeg's quantisation tables at quality 50 (ITU-T T.81, tables K.1 and K.2). The sum of a table tells its quality.
 */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
]
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
]

/**
 * Returns a JPEG that is no larger and no better than the copy that would be made of it, without everything that
 * decoding does not need: EXIF with its places and times, XMP, comments, thumbnails, bytes behind the image. Encoding
 * it again would only lose detail. The decoder decides whether its data are sound.
 *
 * @returns null where a copy has to be encoded: not such a JPEG, not upright, with a colour profile, finer in chroma,
 * or unusual in any other way
 */
export function smallJpeg(image: Buffer, limits: CopyLimits): Buffer | null {
  const segments = jpegSegments(image, 'end')
  const frame = segments && jpegFrame(image, segments)
  if (!segments || !frame || frame.height > limits.height || !isSampledAsCopies(frame)) return null
  if (!isCoarse(frame, tablesOf(image, segments), limits.quality)) return null
  const named = (marker: number, name: string) => segmentsNamed(image, segments, marker, name)
  // EXIF is the only place that holds an orientation.
  if (named(MARKERS.app1, 'Exif\0').some(segment => !isUpright(bodyOf(image, segment)))) return null
  if (named(MARKERS.app2, 'ICC_PROFILE\0').length > 0) return null
  const adobe = named(MARKERS.app14, 'Adobe')
  if (adobe.length > 1 || adobe.some(({ start, end }) => end - start !== ADOBE_BYTES)) return null
  const kept = segments.filter(({ marker }) => PICTURE_SEGMENTS.has(marker))
  const copy = Buffer.concat([
    Buffer.from([0xff, MARKERS.startOfImage]),
    // Both markers say which colours three components are.
    ...(named(MARKERS.app0, 'JFIF\0').some(({ start, end }) => end - start >= MIN_JFIF_BYTES) ? [JFIF] : []),
    ...adobe.map(({ start, end }) => image.subarray(start, end)),
    ...kept.map(({ start, end }) => image.subarray(start, end)),
    Buffer.from([0xff, MARKERS.endOfImage]),
  ])
  // A real photo takes a fifth of a byte per pixel; more than one byte means hidden data.
  return copy.length <= frame.width * frame.height + 4096 ? copy : null
}

function isSampledAsCopies({ components }: JpegFrame): boolean {
  const [first, ...chroma] = components
  if (chroma.length === 0) return true
  return first!.across === 2 && first!.down === 2 && chroma.every(({ across, down }) => across === 1 && down === 1)
}

/** @returns the sum of each quantisation table by its number; null if one is redefined or has 16 bits */
function tablesOf(image: Buffer, segments: readonly JpegSegment[]): Map<number, number> | null {
  const sums = new Map<number, number>()
  for (const { start, end } of segments.filter(({ marker }) => marker === MARKERS.quantisationTables))
    for (let at = start + 4; at < end; at += 65) {
      const number = image[at]!
      if (number > 3 || at + 65 > end || sums.has(number)) return null
      sums.set(
        number,
        image.subarray(at + 1, at + 65).reduce((sum, step) => sum + step, 0),
      )
    }
  return sums
}

function isCoarse({ components }: JpegFrame, sums: Map<number, number> | null, quality: number): boolean {
  return components.every(({ table }, i) => {
    const base = i === 0 ? LUMINANCE : CHROMINANCE
    return (sums?.get(table) ?? 0) >= base.reduce((sum, step) => sum + scaled(step, quality), 0)
  })
}

/** libjpeg's `jpeg_quality_scaling` and `jpeg_add_quant_table` (jcparam.c). */
function scaled(step: number, quality: number): number {
  const percent = quality < 50 ? Math.trunc(5000 / quality) : 200 - 2 * quality
  return Math.min(255, Math.max(1, Math.trunc((step * percent + 50) / 100)))
}

/** EXIF without an orientation is upright; EXIF that cannot be read is not. */
function isUpright(exif: Buffer): boolean {
  const fields = readExif(exif)
  return fields !== null && (fields.orientation ?? 1) === 1
}
