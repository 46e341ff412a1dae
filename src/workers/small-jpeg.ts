import { readExif } from './exif.js'

/** What a copy may be at most. */
export interface CopyLimits {
  /** In pixels. */
  height: number
  /** JPEG quality on libjpeg's scale, 1 to 100. */
  quality: number
}

interface Segment {
  marker: number
  /** From the marker's 0xFF to the end of the segment; of a scan to the end of its data. */
  start: number
  end: number
}

interface Frame {
  width: number
  height: number
  /** Of each component: sampling factors, and which table quantises it. */
  components: { across: number; down: number; table: number }[]
}

const [SOI, EOI, SOS, DQT, DHT, DRI, COM, APP0, APP1, APP2, APP14] = [
  0xd8, 0xd9, 0xda, 0xdb, 0xc4, 0xdd, 0xfe, 0xe0, 0xe1, 0xe2, 0xee,
]
const BASELINE = 0xc0
const PROGRESSIVE = 0xc2

const ADOBE_BYTES = 16
/** JFIF 1.01 without density or thumbnail. */
const JFIF = Buffer.from('ffe000104a46494600010100000100010000', 'hex')

/**
 * libjpeg's tables at quality 50, added up: what the sum of a table says about the quality it was made for.
 * ITU T.81, tables K.1 and K.2; libjpeg-turbo's jcparam.c, `jpeg_add_quant_table`.
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
 * A JPEG that is no larger and no better than the copy that would be made of it, with all taken out that decoding does not
 * need: EXIF with its places and times, XMP, comments, thumbnails, what follows the picture. Encoding it again would only
 * lose. Whether its data are sound is for the decoder to say.
 *
 * @returns null where a copy has to be encoded: not such a JPEG, not upright, with a colour profile, finer in chroma, or
 * anything about it unusual
 */
export function smallJpeg(image: Buffer, limits: CopyLimits): Buffer | null {
  const segments = segmentsOf(image)
  if (segments === null) return null
  const frames = segments.filter(({ marker }) => marker === BASELINE || marker === PROGRESSIVE)
  const frame = frames.length === 1 ? frameOf(image, frames[0]!) : null
  if (frame === null || frame.height > limits.height || !isSampledAsCopies(frame)) return null
  if (!isCoarse(frame, tablesOf(image, segments), limits.quality)) return null
  const named = (marker: number, name: string) => segments.filter(isNamed(image, marker, name))
  // An orientation may stand in EXIF, and only there; that is the one thing in it that counts.
  if (named(APP1, 'Exif\0').some(segment => !isUpright(image, segment))) return null
  if (named(APP2, 'ICC_PROFILE\0').length > 0) return null
  const adobe = named(APP14, 'Adobe')
  if (adobe.length > 1 || adobe.some(({ start, end }) => end - start !== ADOBE_BYTES)) return null
  const kept = segments.filter(({ marker }) => [BASELINE, PROGRESSIVE, SOS, DQT, DHT, DRI].includes(marker))
  const copy = Buffer.concat([
    Buffer.from([0xff, SOI]),
    // Both say which colours three components are.
    ...(named(APP0, 'JFIF\0').length > 0 ? [JFIF] : []),
    ...adobe.map(({ start, end }) => image.subarray(start, end)),
    ...kept.map(({ start, end }) => image.subarray(start, end)),
    Buffer.from([0xff, EOI]),
  ])
  // Real ones take a fifth of a byte a pixel; what takes more hides something.
  return copy.length <= frame.width * frame.height + 4096 ? copy : null
}

/** All segments up to the end of the picture. */
function segmentsOf(image: Buffer): Segment[] | null {
  const segments: Segment[] = []
  if (image[0] !== 0xff || image[1] !== SOI) return null
  let at = 2
  while (at + 4 <= image.length || (at + 2 <= image.length && image[at + 1] === EOI)) {
    if (image[at] !== 0xff) return null
    const marker = image[at + 1]!
    if (marker === EOI) return segments.some(({ marker }) => marker === SOS) ? segments : null
    if (!isSegment(marker)) return null
    const start = at
    const length = image.readUInt16BE(at + 2)
    if (length < 2) return null
    at += 2 + length
    if (marker === SOS) at = endOfScan(image, at)
    if (at > image.length) return null
    segments.push({ marker, start, end: at })
  }
  return null
}

/** Those that Huffman-coded pictures of 8 bits are made of; other frames, hierarchies and what else T.81 knows are unusual. */
function isSegment(marker: number): boolean {
  const isApplication = marker >= APP0 && marker <= 0xef
  return isApplication || [BASELINE, PROGRESSIVE, SOS, DQT, DHT, DRI, COM].includes(marker)
}

function endOfScan(image: Buffer, from: number): number {
  for (let at = image.indexOf(0xff, from); at >= 0 && at + 1 < image.length; at = image.indexOf(0xff, at + 2)) {
    const next = image[at + 1]!
    const isData = next === 0 || (next >= 0xd0 && next <= 0xd7)
    if (!isData) return at
  }
  return image.length + 1
}

function frameOf(image: Buffer, { start, end }: Segment): Frame | null {
  const count = image[start + 9]!
  if (image[start + 4] !== 8 || end - start !== 10 + 3 * count || (count !== 1 && count !== 3)) return null
  const components = Array.from({ length: count }, (_, i) => {
    const at = start + 10 + 3 * i
    return { across: image[at + 1]! >> 4, down: image[at + 1]! & 15, table: image[at + 2]! }
  })
  return { height: image.readUInt16BE(start + 5), width: image.readUInt16BE(start + 7), components }
}

function isSampledAsCopies({ components }: Frame): boolean {
  const [first, ...chroma] = components
  if (chroma.length === 0) return true
  return first!.across === 2 && first!.down === 2 && chroma.every(({ across, down }) => across === 1 && down === 1)
}

/** The sum of each quantisation table, by its number; null where one is redefined or of another kind. */
function tablesOf(image: Buffer, segments: readonly Segment[]): Map<number, number> | null {
  const sums = new Map<number, number>()
  for (const { start, end } of segments.filter(({ marker }) => marker === DQT))
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

function isCoarse({ components }: Frame, sums: Map<number, number> | null, quality: number): boolean {
  return components.every(({ table }, i) => {
    const base = i === 0 ? LUMINANCE : CHROMINANCE
    return (sums?.get(table) ?? 0) >= base.reduce((sum, step) => sum + scaled(step, quality), 0)
  })
}

/** libjpeg's `jpeg_quality_scaling`. */
function scaled(step: number, quality: number): number {
  const percent = quality < 50 ? Math.trunc(5000 / quality) : 200 - 2 * quality
  return Math.min(255, Math.max(1, Math.trunc((step * percent + 50) / 100)))
}

function isNamed(image: Buffer, marker: number, name: string) {
  return (segment: Segment) =>
    segment.marker === marker && image.toString('latin1', segment.start + 4, segment.start + 4 + name.length) === name
}

/** EXIF that says nothing of it is upright; what cannot be read as EXIF is not. */
function isUpright(image: Buffer, { start, end }: Segment): boolean {
  const exif = image.subarray(start + 4, end)
  return /^Exif\0\0(II\*\0|MM\0\*)/.test(exif.toString('latin1', 0, 10)) && (readExif(exif).orientation ?? 1) === 1
}
