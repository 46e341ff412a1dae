import { isUtf8 } from 'node:buffer'
import exifReader from 'exif-reader'

/** What a camera recorded with a photo; absent fields are left out. */
export interface ExifFields {
  make?: string
  model?: string
  lens?: string
  software?: string
  artist?: string
  copyright?: string
  description?: string
  /** Local time, `2019:07:14 18:03:22`. */
  taken?: string
  /** Offset of that time from UTC, `+02:00`. */
  offset?: string
  /** In seconds: `1/250`. */
  exposure?: string
  aperture?: number
  iso?: number
  /** In millimetres. */
  focalLength?: number
  /** Degrees, north and east positive. */
  latitude?: number
  longitude?: number
  /** 1 to 8. */
  orientation?: number
  /** Stars, as the camera or Windows recorded them. */
  rating?: number
}

/** Size of one value of each type, in bytes; exif-reader skips all other types. Exif 2.32, 4.6.2. */
const VALUE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8]
const LONG = 4
const UNDEFINED = 7
/** Tags that point to another directory: camera, GPS, interoperability. */
const DIRECTORY_TAGS = [0x8769, 0x8825, 0xa005]
/** Two in a row (the image and its thumbnail), and one for each of those tags. */
const MAX_DIRECTORIES = 5

/** Values become arrays, of 8 bytes per value and more. Photos have fewer by far; a TIFF may be as large as any image. */
const MAX_LISTED_BYTES = 16 << 20

/** Offset of a local time from UTC. */
export const UTC_OFFSET = /^[+-](?:0\d|1[0-4]):[0-5]\d$/

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
    description: text(image?.ImageDescription),
    ...moment(image, photo),
    exposure: seconds(number(photo?.ExposureTime)),
    aperture: number(photo?.FNumber),
    iso: iso(photo),
    focalLength: number(photo?.FocalLength),
    latitude: degrees(gps?.GPSLatitude, gps?.GPSLatitudeRef),
    longitude: degrees(gps?.GPSLongitude, gps?.GPSLongitudeRef),
    orientation: orientation(image?.Orientation),
    rating: number(image?.Rating),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/**
 * Whether all directories lie in the block and their values, all together, are at most twice as long, and at most
 * 16 MiB without blocks of bytes. exif-reader makes an array of the values of each entry: a hostile block of 64 KiB
 * whose entries all claim all of it would take seconds and gigabytes.
 */
function isSound(tiff: Buffer): boolean {
  const order = tiff.toString('latin1', 0, 4)
  if (tiff.length < 8 || (order !== 'II*\0' && order !== 'MM\0*')) return false
  const u16 = (at: number) => (order === 'II*\0' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number) => (order === 'II*\0' ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const directories = [u32(4)]
  let bytes = 8
  let listed = 0
  // Grows as pointers to directories are found.
  for (const [index, start] of directories.entries()) {
    const end = start + 2 + 12 * (start + 2 <= tiff.length ? u16(start) : Number.POSITIVE_INFINITY)
    if (end > tiff.length || directories.length > MAX_DIRECTORIES) return false
    for (let entry = start + 2; entry < end; entry += 12) {
      const [tag, type, count] = [u16(entry), u16(entry + 2), u32(entry + 4)]
      const size = count * (VALUE_BYTES[type] ?? 0)
      bytes += 12 + (size > 4 ? size : 0)
      if (type !== UNDEFINED) listed += size
      if (!DIRECTORY_TAGS.includes(tag)) continue
      if (type !== LONG || count !== 1) return false
      directories.push(u32(entry + 8))
    }
    if (index === 0 && end + 4 <= tiff.length && u32(end) !== 0) directories.push(u32(end))
  }
  return bytes <= 2 * tiff.length && listed <= MAX_LISTED_BYTES
}

/** Non-ASCII text comes as bytes. Exif allows ASCII only, and programs write UTF-8 or Latin-1. */
function text(value: unknown): string | undefined {
  const decoded = Buffer.isBuffer(value) ? value.toString(isUtf8(value) ? 'utf8' : 'latin1') : value
  if (typeof decoded !== 'string') return undefined
  return decoded.replace(/\0[\s\S]*$/, '').trim() || undefined
}

/** Where a list is allowed, the first value counts. */
function number(value: unknown): number | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return typeof first === 'number' && Number.isFinite(first) ? first : undefined
}

/** EXIF knows eight; a damaged or hostile file may say anything. */
function orientation(value: unknown): number | undefined {
  const found = number(value)
  return found !== undefined && Number.isInteger(found) && found >= 1 && found <= 8 ? found : undefined
}

/** What exif-reader makes of `0000:00:00 00:00:00`, a clock that was never set. */
const UNSET_TIME = Date.UTC(0, -1, 0)

/** exif-reader takes the camera's local time for UTC. */
function time(value: unknown): string | undefined {
  if (!(value instanceof Date) || Number.isNaN(value.getTime()) || value.getTime() === UNSET_TIME) return undefined
  return value.toISOString().slice(0, 19).replaceAll('-', ':').replace('T', ' ')
}

/** When the photo was taken, with the offset of the same time. */
function moment(image: Directory | undefined, photo: Directory | undefined): Pick<ExifFields, 'taken' | 'offset'> {
  const [taken, offset] = [
    [photo?.DateTimeOriginal, photo?.OffsetTimeOriginal],
    [photo?.DateTimeDigitized, photo?.OffsetTimeDigitized],
    [image?.DateTime, photo?.OffsetTime],
  ].find(([date]) => time(date) !== undefined) ?? [undefined, undefined]
  const zone = text(offset)
  return { taken: time(taken), offset: zone && UTC_OFFSET.test(zone) ? zone : undefined }
}

/** ISOSpeedRatings has 16 bits: from 65,535 on, the value is in a tag of Exif 2.3. */
function iso(photo: Directory | undefined): number | undefined {
  const short = number(photo?.ISOSpeedRatings)
  if (short !== undefined && short > 0 && short < 65_535) return short
  const long = number(photo?.RecommendedExposureIndex) ?? number(photo?.StandardOutputSensitivity)
  return long ?? number(photo?.ISOSpeed) ?? short
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
