import type { FileMetadata } from '../../domain/photo.js'
import { parseValue } from '../../domain/where/column-value.js'
import type { Orientation, Size } from '../orientation.js'
import { type ExifFields, UTC_OFFSET } from './exif.js'
import { readIptc } from './iptc.js'
import { readXmp } from './xmp.js'

/** The metadata that an image file carries. */
export interface MetadataBlocks {
  exif: ExifFields
  xmp?: Buffer
  iptc?: Buffer
}

/** Longest texts, in UTF-16 units. An index entry of Postgres holds 2,704 bytes: 400 units have at most 1,200. */
const MAX_INDEXED = 400
const MAX_TEXT = 20_000
const MAX_KEYWORDS = 500
const MAX_INTEGER = 2 ** 31 - 1
/** What cameras write into the description when nobody has described the photo. */
const NO_DESCRIPTION =
  /^(?:OLYMPUS DIGITAL CAMERA|SONY DSC|MINOLTA DIGITAL CAMERA|DIGITAL CAMERA|KODAK .*CAMERA|dav|hdr)$/i
/** Software writes where it lies on a disk. */
const FILE_NAME = /[\\/]DCIM[\\/]/i

/**
 * The metadata columns that a file fills, in the dataset's notation: 2.8, 50.0, 1/250. For words, XMP comes before
 * IPTC, and both before EXIF, as the Metadata Working Group recommends; for the camera, EXIF alone counts. Never
 * throws; what does not fit its column is left out.
 * @param image its size is that of the upright image
 */
export function fileMetadata(image: Size & { orientation: Orientation }, blocks: MetadataBlocks): FileMetadata {
  const { exif } = blocks
  const xmp = blocks.xmp ? readXmp(blocks.xmp) : {}
  const iptc = blocks.iptc ? readIptc(blocks.iptc) : {}
  const described = exif.description
  const caption = described && !NO_DESCRIPTION.test(described) && !FILE_NAME.test(described) ? described : undefined
  const rating = xmp.rating ?? exif.rating
  const columns: { [C in keyof FileMetadata['columns']]: FileMetadata['columns'][C] | undefined } = {
    ...takenAt(exif, xmp.taken),
    photo_width: image.width,
    photo_height: image.height,
    photo_aspect_ratio: Number((image.width / image.height).toFixed(2)),
    photo_title: text(xmp.title ?? iptc.title),
    photo_description: text(xmp.caption ?? iptc.caption ?? caption),
    photo_rating: rating !== undefined && rating >= -1 && rating <= 5 ? Math.round(rating) : undefined,
    photographer_username: text(xmp.author ?? iptc.author ?? exif.artist, MAX_INDEXED),
    exif_camera_make: text(exif.make),
    exif_camera_model: text(exif.model),
    exif_lens: text(exif.lens),
    exif_iso: exif.iso !== undefined && exif.iso > 0 && exif.iso <= MAX_INTEGER ? Math.round(exif.iso) : undefined,
    exif_aperture_value: decimal(exif.aperture),
    exif_focal_length: decimal(exif.focalLength),
    exif_exposure_time: exif.exposure,
    exif_orientation: image.orientation,
    photo_location_name: text(xmp.place),
    photo_location_city: text(xmp.city ?? iptc.city),
    photo_location_country: text(xmp.country ?? iptc.country, MAX_INDEXED),
    ...placeOf(exif),
  }
  const keywords = [...(xmp.keywords ?? iptc.keywords ?? [])].flatMap(keyword => text(keyword, MAX_INDEXED) ?? [])
  return {
    columns: Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)),
    keywords: [...new Set(keywords)].slice(0, MAX_KEYWORDS),
  }
}

/** When the photo was taken: local time, as its year and hour mean it, and the offset of that time from UTC. */
function takenAt(exif: ExifFields, ofXmp: string | undefined) {
  const [, day, time = '00:00:00', zone] =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(ofXmp ?? '') ?? []
  const local = exif.taken
    ? exif.taken.replace(':', '-').replace(':', '-')
    : day && `${day} ${time.length === 5 ? `${time}:00` : time}`
  if (local === undefined || parseValue('timestamp', local) === undefined) return {}
  const ofXmpTime = zone === 'Z' ? '+00:00' : zone && UTC_OFFSET.test(zone) ? zone : undefined
  const offset = exif.taken ? exif.offset : ofXmpTime
  return { photo_submitted_at: local, exif_time_offset: offset }
}

/** Zero and zero is what devices write without a fix. */
function placeOf({ latitude, longitude }: ExifFields) {
  if (latitude === undefined || longitude === undefined || (latitude === 0 && longitude === 0)) return {}
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return {}
  return { photo_location_latitude: latitude, photo_location_longitude: longitude }
}

/** A text that Postgres takes: without NUL and lone surrogates, shortened. */
function text(value: string | undefined, longest = MAX_TEXT): string | undefined {
  if (value === undefined) return undefined
  return Buffer.from(value.slice(0, longest)).toString('utf8').replaceAll('\0', '').trim() || undefined
}

/** With one decimal at least, as the dataset writes it. */
function decimal(value: number | undefined): string | undefined {
  if (value === undefined || value <= 0 || value > 100_000) return undefined
  const rounded = Number(value.toFixed(2))
  return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded)
}
