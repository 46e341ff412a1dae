import { readExif } from '../metadata/exif.js'

/** The largest JPEG in a camera RAW file. */
export interface RawPreview {
  jpeg: Buffer
  width: number
  height: number
}

const SOI = Buffer.from([0xff, 0xd8, 0xff])
const EOI = Buffer.from([0xff, 0xd9])
/** Noise looks like the start of a JPEG once in 16 MB. */
const MAX_STARTS = 2000
const MAX_SEGMENTS = 200
/** Smaller ones are thumbnails. */
const MIN_PIXELS = 160 * 120

/**
 * Finds the largest JPEG that a camera or converter embedded: whatever the maker's structure is, it lies in one piece.
 * The lossless JPEG of raw data (SOF3) is no picture. Each byte of the file is searched a few times at most, whatever
 * it holds.
 * @returns null where there is none larger than a thumbnail
 */
export function largestJpeg(file: Buffer): RawPreview | null {
  let largest: RawPreview | null = null
  let starts = 0
  // The last end that was found serves all starts before it; from `noneFrom` on there is no end.
  let end = -1
  let noneFrom = file.length
  for (let at = file.indexOf(SOI); at >= 0 && starts < MAX_STARTS; at = file.indexOf(SOI, at + 1), starts++) {
    const header = headerAt(file, at)
    const pixels = header ? header.width * header.height : 0
    if (!header || pixels < MIN_PIXELS || (largest && pixels <= largest.width * largest.height)) continue
    if (header.dataAt >= noneFrom) continue
    if (end < header.dataAt) {
      // In the data of a JPEG 0xff is followed by 0 or a restart marker, so this is its end.
      const found = file.subarray(0, noneFrom + 1).indexOf(EOI, header.dataAt)
      if (found < 0) {
        noneFrom = header.dataAt
        continue
      }
      end = found
    }
    largest = { jpeg: file.subarray(at, end + 2), width: header.width, height: header.height }
  }
  return largest
}

/** Baseline and progressive Huffman JPEG, 8 bits, grey or of three components. */
function headerAt(file: Buffer, start: number): { width: number; height: number; dataAt: number } | null {
  let size: { width: number; height: number } | undefined
  for (let at = start + 2, segments = 0; at + 10 <= file.length && segments < MAX_SEGMENTS; segments++) {
    if (file[at] !== 0xff) return null
    const marker = file[at + 1]!
    if (marker === 0xff) {
      at++
      continue
    }
    const length = file.readUInt16BE(at + 2)
    if (marker < 0xc0 || marker === 0xd8 || marker === 0xd9 || length < 2) return null
    if (marker === 0xda) return size ? { ...size, dataAt: at + 2 + length } : null
    if (marker >= 0xc0 && marker <= 0xc2) {
      const [bits, components] = [file[at + 4], file[at + 9]]
      if (bits !== 8 || (components !== 1 && components !== 3)) return null
      size = { height: file.readUInt16BE(at + 5), width: file.readUInt16BE(at + 7) }
    } else if (marker === 0xc3 || (marker >= 0xc5 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc)) return null
    at += 2 + length
  }
  return null
}

/**
 * The JPEG with the orientation of its RAW file, unless it says its own: many previews carry no EXIF.
 * @param orientation EXIF orientation of the RAW file, 1 to 8
 */
export function turned(jpeg: Buffer, orientation: number): Buffer {
  if (orientation === 1 || ownOrientation(jpeg) !== undefined) return jpeg
  return Buffer.concat([jpeg.subarray(0, 2), orientationSegment(orientation), jpeg.subarray(2)])
}

function ownOrientation(jpeg: Buffer): number | undefined {
  for (let at = 2, segments = 0; at + 10 <= jpeg.length && segments < MAX_SEGMENTS; segments++) {
    const [marker, length] = [jpeg[at + 1]!, jpeg.readUInt16BE(at + 2)]
    if (jpeg[at] !== 0xff || marker === 0xda || length < 2) return undefined
    const body = jpeg.subarray(at + 4, at + 2 + length)
    if (marker === 0xe1 && body.toString('latin1', 0, 6) === 'Exif\0\0') return readExif(body)?.orientation
    at += 2 + length
  }
  return undefined
}

/** APP1 with a TIFF header and one entry: tag 0x0112. */
function orientationSegment(orientation: number): Buffer {
  const segment = Buffer.from(
    'ffe10022457869660000' + '4d4d002a00000008' + '0001011200030000000100000000' + '00000000',
    'hex',
  )
  segment.writeUInt16BE(orientation, 28)
  return segment
}
