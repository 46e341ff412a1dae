import exifReader from 'exif-reader'

/** What a camera recorded with a photo; absent fields are left out. */
export interface ExifFields {
  make?: string
  model?: string
  lens?: string
  software?: string
  artist?: string
  copyright?: string
  /** Local time, `2019:07:14 18:03:22`. */
  taken?: string
  /** In seconds: `1/250`. */
  exposure?: string
  aperture?: number
  iso?: number
  /** In millimetres. */
  focalLength?: number
  /** Degrees, north and east positive. */
  latitude?: number
  longitude?: number
  orientation?: number
}

/** Size of one value of each type, in bytes; exif-reader skips all other types. Exif 2.32, 4.6.2. */
const VALUE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8]
const LONG = 4
/** Tags that point to another directory: camera, GPS, interoperability. */
const DIRECTORY_TAGS = [0x8769, 0x8825, 0xa005]
/** Two in a row (the image and its thumbnail), and one for each of those tags. */
const MAX_DIRECTORIES = 5

/**
 * Reads an EXIF block. Never throws.
 * @param exif with or without `Exif\0\0` before the TIFF header
 * @returns null if it is damaged
 */
export function readExif(exif: Buffer): ExifFields | null {
  const tiff = exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif
  if (!isSound(tiff)) return null
  try {
    return fieldsOf(exifReader(tiff))
  } catch {
    return null
  }
}

/** A damaged file may have any type at any tag, whatever the types of exif-reader say. */
type Directory = Readonly<Record<string, unknown>> | null

function fieldsOf(exif: { Image?: Directory; Photo?: Directory; GPSInfo?: Directory }): ExifFields {
  const { Image: image, Photo: photo, GPSInfo: gps } = exif
  const fields: ExifFields = {
    make: text(image?.Make),
    model: text(image?.Model),
    lens: text(photo?.LensModel),
    software: text(image?.Software),
    artist: text(image?.Artist),
    copyright: text(image?.Copyright),
    taken: time(photo?.DateTimeOriginal) ?? time(image?.DateTime),
    exposure: seconds(number(photo?.ExposureTime)),
    aperture: number(photo?.FNumber),
    iso: number(photo?.ISOSpeedRatings),
    focalLength: number(photo?.FocalLength),
    latitude: degrees(gps?.GPSLatitude, gps?.GPSLatitudeRef),
    longitude: degrees(gps?.GPSLongitude, gps?.GPSLongitudeRef),
    orientation: number(image?.Orientation),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/**
 * Whether all directories lie in the block and their values, all together, are at most twice as long. exif-reader makes
 * an array of the values of each entry: a hostile block of 64 KiB whose entries all claim all of it would take seconds
 * and gigabytes.
 */
function isSound(tiff: Buffer): boolean {
  const order = tiff.toString('latin1', 0, 4)
  if (tiff.length < 8 || (order !== 'II*\0' && order !== 'MM\0*')) return false
  const u16 = (at: number) => (order === 'II*\0' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number) => (order === 'II*\0' ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const directories = [u32(4)]
  let bytes = 8
  // Grows as pointers to directories are found.
  for (const [index, start] of directories.entries()) {
    const end = start + 2 + 12 * (start + 2 <= tiff.length ? u16(start) : Number.POSITIVE_INFINITY)
    if (end > tiff.length || directories.length > MAX_DIRECTORIES) return false
    for (let entry = start + 2; entry < end; entry += 12) {
      const [tag, type, count] = [u16(entry), u16(entry + 2), u32(entry + 4)]
      const size = count * (VALUE_BYTES[type] ?? 0)
      bytes += 12 + (size > 4 ? size : 0)
      if (!DIRECTORY_TAGS.includes(tag)) continue
      if (type !== LONG || count !== 1) return false
      directories.push(u32(entry + 8))
    }
    if (index === 0 && end + 4 <= tiff.length && u32(end) !== 0) directories.push(u32(end))
  }
  return bytes <= 2 * tiff.length
}

/** Non-ASCII text comes as bytes. */
function text(value: unknown): string | undefined {
  const decoded = Buffer.isBuffer(value) ? value.toString('utf8') : value
  if (typeof decoded !== 'string') return undefined
  return decoded.replace(/\0[\s\S]*$/, '').trim() || undefined
}

/** Where a list is allowed, the first value counts. */
function number(value: unknown): number | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return typeof first === 'number' && Number.isFinite(first) ? first : undefined
}

/** exif-reader takes the camera's local time for UTC. */
function time(value: unknown): string | undefined {
  if (!(value instanceof Date)) return undefined
  return value.toISOString().slice(0, 19).replaceAll('-', ':').replace('T', ' ')
}

function seconds(value: number | undefined): string | undefined {
  if (value === undefined) return undefined
  const parts = Math.round(1 / value)
  return value < 1 && Math.abs(1 / value - parts) < 0.01 * parts ? `1/${parts}` : `${Number(value.toFixed(4))}`
}

function degrees(value: unknown, reference: unknown): number | undefined {
  if (!Array.isArray(value) || number(value) === undefined) return undefined
  const [whole = 0, minutes = 0, seconds = 0] = value.map(number)
  const angle = whole + minutes / 60 + seconds / 3600
  return Number((reference === 'S' || reference === 'W' ? -angle : angle).toFixed(6))
}
