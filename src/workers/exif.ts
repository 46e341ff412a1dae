/** What a camera says of a photo; only what is there. */
export interface ExifFields {
  make?: string
  model?: string
  lens?: string
  software?: string
  artist?: string
  copyright?: string
  /** Local time, `2019:07:14 18:03:22`. */
  taken?: string
  /** In seconds, as written: `1/250`. */
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

type Value = string | number | readonly Rational[]
type Rational = readonly [numerator: number, denominator: number]

/** Bytes of one value of each type. Exif 2.32, 4.6.2. */
const TYPE_BYTES: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8 }
const [ASCII, SHORT, LONG, RATIONAL, SIGNED_RATIONAL] = [2, 3, 4, 5, 10]
const [CAMERA_DIRECTORY, PLACE_DIRECTORY] = [0x8769, 0x8825]

/** What damaged EXIF has in it is left out; it never throws. @param exif with or without `Exif\0\0` before the TIFF header */
export function readExif(exif: Buffer): ExifFields {
  const tiff = exif.toString('latin1', 0, 4) === 'Exif' ? exif.subarray(6) : exif
  const main = directory(tiff, offsetOfFirst(tiff))
  const camera = directory(tiff, main.get(CAMERA_DIRECTORY))
  const place = directory(tiff, main.get(PLACE_DIRECTORY))
  const text = (value?: Value) => (typeof value === 'string' && value !== '' ? value : undefined)
  const number = (value?: Value) => (typeof value === 'number' ? value : ratio(rationals(value)[0]))
  const exposure = rationals(camera.get(0x829a))[0]
  const fields: ExifFields = {
    make: text(main.get(0x010f)),
    model: text(main.get(0x0110)),
    lens: text(camera.get(0xa434)),
    software: text(main.get(0x0131)),
    artist: text(main.get(0x013b)),
    copyright: text(main.get(0x8298)),
    taken: text(camera.get(0x9003)) ?? text(main.get(0x0132)),
    exposure: exposure && (exposure[1] === 1 ? `${exposure[0]}` : `${exposure[0]}/${exposure[1]}`),
    aperture: number(camera.get(0x829d)),
    iso: number(camera.get(0x8827)),
    focalLength: number(camera.get(0x920a)),
    latitude: degrees(place.get(2), place.get(1)),
    longitude: degrees(place.get(4), place.get(3)),
    orientation: number(main.get(0x0112)),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function offsetOfFirst(tiff: Buffer): number | undefined {
  const order = tiff.toString('latin1', 0, 4)
  if (tiff.length < 8 || (order !== 'II*\0' && order !== 'MM\0*')) return undefined
  return reader(tiff).u32(4)
}

function directory(tiff: Buffer, offset: Value | undefined): Map<number, Value> {
  const values = new Map<number, Value>()
  if (typeof offset !== 'number' || offset + 2 > tiff.length) return values
  const { u16 } = reader(tiff)
  const count = Math.min(u16(offset), Math.floor((tiff.length - offset - 2) / 12))
  for (let i = 0; i < count; i++) {
    const value = entryValue(tiff, offset + 2 + 12 * i)
    if (value !== undefined) values.set(u16(offset + 2 + 12 * i), value)
  }
  return values
}

/** @param entry offset of its twelve bytes: tag, type, count, value or where that is */
function entryValue(tiff: Buffer, entry: number): Value | undefined {
  const { u16, u32, i32 } = reader(tiff)
  const [type, count] = [u16(entry + 2), u32(entry + 4)]
  const bytes = count * (TYPE_BYTES[type] ?? 0)
  const at = bytes <= 4 ? entry + 8 : u32(entry + 8)
  if (bytes === 0 || at + bytes > tiff.length) return undefined
  if (type === ASCII)
    return tiff
      .toString('utf8', at, at + count)
      .replace(/\0[\s\S]*$/, '')
      .trim()
  if (type === SHORT) return u16(at)
  if (type === LONG) return u32(at)
  if (type !== RATIONAL && type !== SIGNED_RATIONAL) return undefined
  const integer = type === RATIONAL ? u32 : i32
  return Array.from({ length: Math.min(count, 3) }, (_, i) => [integer(at + 8 * i), integer(at + 8 * i + 4)] as const)
}

function reader(tiff: Buffer) {
  const isLittle = tiff[0] === 0x49
  return {
    u16: (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at)),
    u32: (at: number) => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at)),
    i32: (at: number) => (isLittle ? tiff.readInt32LE(at) : tiff.readInt32BE(at)),
  }
}

function rationals(value?: Value): readonly Rational[] {
  return typeof value === 'object' ? value : []
}

function ratio(value?: Rational): number | undefined {
  return value && value[1] !== 0 ? value[0] / value[1] : undefined
}

function degrees(value?: Value, reference?: Value): number | undefined {
  const [whole, minutes, seconds] = rationals(value).map(ratio)
  if (whole === undefined) return undefined
  const angle = whole + (minutes ?? 0) / 60 + (seconds ?? 0) / 3600
  return Number((reference === 'S' || reference === 'W' ? -angle : angle).toFixed(6))
}
