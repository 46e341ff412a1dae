/**
 * The reader of JPEG markers. A JPEG is a sequence of segments: 0xFF, a marker, two bytes of length, a body. The
 * compressed data of a scan follow its segment, up to the next marker that is neither a stuffed zero nor a restart
 * (ITU-T T.81, annex B). It accepts the segments of Huffman-coded images; every other file is for libvips to read or to
 * refuse.
 */
export interface JpegSegment {
  marker: number
  /** Offset of the marker's 0xFF. */
  start: number
  /** Offset behind the segment; of a scan that was read to its end, behind its data. */
  end: number
}

export interface JpegFrame {
  progressive: boolean
  /** In pixels, as in the file. */
  width: number
  height: number
  /** Sampling factors, and the number of the quantisation table, of each component. */
  components: { across: number; down: number; table: number }[]
}

/** What the header of an ordinary JPEG says. */
export interface JpegHeader {
  width: number
  height: number
  progressive: boolean
  hasProfile: boolean
}

export const MARKERS = {
  baseline: 0xc0,
  progressive: 0xc2,
  huffmanTables: 0xc4,
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  scan: 0xda,
  quantisationTables: 0xdb,
  restartInterval: 0xdd,
  app0: 0xe0,
  app1: 0xe1,
  app2: 0xe2,
  app14: 0xee,
  app15: 0xef,
  comment: 0xfe,
} as const

/** Segments of a picture's own; application segments and comments come on top. */
export const PICTURE_SEGMENTS: ReadonlySet<number> = new Set([
  MARKERS.baseline,
  MARKERS.progressive,
  MARKERS.huffmanTables,
  MARKERS.scan,
  MARKERS.quantisationTables,
  MARKERS.restartInterval,
])

/** A limit on memory: 50 MB of empty segments would be 12 million objects. 50 MB of XMP are 800 segments. */
const MAX_SEGMENTS = 4096

/**
 * @param upTo `scan`: the segments before the first scan's data. `end`: all, with their scans
 * @returns null for what is truncated there, damaged, or not Huffman-coded
 */
export function jpegSegments(image: Buffer, upTo: 'scan' | 'end'): JpegSegment[] | null {
  if (image[0] !== 0xff || image[1] !== MARKERS.startOfImage) return null
  const segments: JpegSegment[] = []
  let at = 2
  while (at + 2 <= image.length && image[at] === 0xff && segments.length < MAX_SEGMENTS) {
    const marker = image[at + 1]!
    if (marker === MARKERS.endOfImage) return segments.some(({ marker }) => marker === MARKERS.scan) ? segments : null
    if (!isSegment(marker) || at + 4 > image.length) return null
    const length = image.readUInt16BE(at + 2)
    const isScan = marker === MARKERS.scan
    const end = isScan && upTo === 'end' ? endOfScan(image, at + 2 + length) : at + 2 + length
    if (length < 2 || end > image.length) return null
    segments.push({ marker, start: at, end })
    if (isScan && upTo === 'scan') return segments
    at = end
  }
  return null
}

/** The segments of a marker whose body starts with a name: `Exif\0`, `ICC_PROFILE\0`. */
export function segmentsNamed(
  image: Buffer,
  segments: readonly JpegSegment[],
  marker: number,
  name: string,
): JpegSegment[] {
  return segments.filter(
    segment =>
      segment.marker === marker &&
      image.toString('latin1', segment.start + 4, segment.start + 4 + name.length) === name,
  )
}

/** The body of a segment. */
export function bodyOf(image: Buffer, { start, end }: JpegSegment): Buffer {
  return image.subarray(start + 4, end)
}

/** @returns the only frame, if it has 8 bits and one or three components; else null */
export function jpegFrame(image: Buffer, segments: readonly JpegSegment[]): JpegFrame | null {
  const frames = segments.filter(({ marker }) => marker === MARKERS.baseline || marker === MARKERS.progressive)
  if (frames.length !== 1) return null
  const { marker, start, end } = frames[0]!
  const count = image[start + 9]!
  if (image[start + 4] !== 8 || end - start !== 10 + 3 * count || (count !== 1 && count !== 3)) return null
  const components = Array.from({ length: count }, (_, i) => {
    const at = start + 10 + 3 * i
    return { across: image[at + 1]! >> 4, down: image[at + 1]! & 15, table: image[at + 2]! }
  })
  const [height, width] = [image.readUInt16BE(start + 5), image.readUInt16BE(start + 7)]
  return width > 0 && height > 0 ? { progressive: marker === MARKERS.progressive, width, height, components } : null
}

/**
 * Reads the header of a JPEG of 8 bits in grey or three colours that has no EXIF, and so is upright. Image hosts serve
 * such files. It takes a hundredth of the time that libvips needs to open one.
 * @returns null for any other, which libvips has to read
 */
export function jpegHeader(image: Buffer): JpegHeader | null {
  const segments = jpegSegments(image, 'scan')
  if (segments === null || segments.some(({ marker }) => marker === MARKERS.app1)) return null
  const frame = jpegFrame(image, segments)
  if (frame === null) return null
  const hasProfile = segmentsNamed(image, segments, MARKERS.app2, 'ICC_PROFILE\0').length > 0
  return { width: frame.width, height: frame.height, progressive: frame.progressive, hasProfile }
}

function isSegment(marker: number): boolean {
  const isApplication = marker >= MARKERS.app0 && marker <= MARKERS.app15
  return isApplication || marker === MARKERS.comment || PICTURE_SEGMENTS.has(marker)
}

function endOfScan(image: Buffer, from: number): number {
  for (let at = image.indexOf(0xff, from); at >= 0 && at + 1 < image.length; at = image.indexOf(0xff, at + 2)) {
    const next = image[at + 1]!
    const isData = next === 0 || (next >= 0xd0 && next <= 0xd7)
    if (!isData) return at
  }
  return image.length + 1
}
