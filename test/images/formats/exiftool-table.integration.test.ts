import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipInput } from '../../../src/domain/image-input.js'
import type { FileMetadata } from '../../../src/domain/photo.js'
import { csvLine } from '../../../src/domain/text/csv.js'
import { decode } from '../../../src/images/decode.js'
import { readFileMetadata } from '../../../src/images/metadata/read-file-metadata.js'
import { videoFrames } from '../../../src/producers/places/video-frames.js'
import { hasPrograms, program } from '../../support/images/programs.js'
import { rawFile } from '../../support/images/raw-files.js'
import { gradient } from '../../support/images/sample-images.js'

/** Files per format: 40 in all, four of them videos. */
const FILES = { jpg: 12, heic: 6, png: 4, webp: 4, tif: 4, avif: 2, dng: 4, mp4: 4 }
const STILLS = Object.entries(FILES).flatMap(([format, count]) =>
  format === 'mp4' ? [] : Array.from({ length: count }, (_, i) => ({ format, i, name: `photo-${i}.${format}` })),
)

const pick = <T>(values: readonly T[], i: number): T => values[i % values.length]!

/** What each file says: makes and lenses of several kinds, both hemispheres, every orientation, long exposures. */
function tagsOf(format: string, i: number): Record<string, string | number> {
  const n = i + format.length
  return {
    Make: pick(['Canon', 'NIKON CORPORATION', 'SONY', 'Apple', 'Fabrikant Ö'], n),
    Model: pick(['EOS R5', 'D850', 'ILCE-7M4', 'iPhone 15'], n),
    LensModel: pick(['RF24-70mm F2.8 L IS USM', '50mm f/1.8', 'back camera 6.86mm f/1.78'], n),
    ISO: pick([50, 100, 640, 800, 12800, 51200], n),
    FNumber: pick([1.4, 1.78, 2.8, 8, 22], n),
    ExposureTime: pick(['1/8000', '1/250', '0.5', '2.5', '30'], n),
    FocalLength: pick([6.86, 24, 50, 400], n),
    DateTimeOriginal: `20${10 + (n % 15)}:0${1 + (n % 9)}:28 2${n % 4}:5${n % 10}:07`,
    OffsetTimeOriginal: pick(['+02:00', '-08:00', '+05:30', '+00:00'], n),
    GPSLatitude: pick([52.520008, 33.868822, 20.798363], n),
    GPSLatitudeRef: pick(['N', 'S', 'N'], n),
    GPSLongitude: pick([13.404954, 151.209296, 156.331925], n),
    GPSLongitudeRef: pick(['E', 'E', 'W'], n),
    // HEIC and AVIF are turned by their own properties.
    ...(format === 'heic' || format === 'avif' ? {} : { 'Orientation#': 1 + (i % 8) }),
    'XMP-dc:Title': `Photo ${i}: "quoted", Ünïcode 写真`,
    'XMP-dc:Description': `The description of ${format} ${i}`,
    'XMP-dc:Subject': `word ${i}; snow; Hund`,
    'XMP-xmp:Rating': i % 6,
  }
}

/** The columns as exiftool's values give them. */
function columnsOf(tags: Record<string, unknown>, { width, height }: { width: number; height: number }) {
  const rounded = (value: unknown, digits: number) => Number(Number(value).toFixed(digits))
  const decimal = (value: unknown) => (Number.isInteger(value) ? `${value}.0` : String(rounded(value, 2)))
  const seconds = Number(tags.ExposureTime)
  const orientation = Number(tags.Orientation ?? 1)
  const [upright, across] = orientation >= 5 ? [height, width] : [width, height]
  return {
    exif_camera_make: tags.Make,
    exif_camera_model: tags.Model,
    exif_lens: tags.LensModel,
    exif_iso: tags.ISO,
    exif_aperture_value: decimal(tags.FNumber),
    exif_exposure_time: seconds < 0.4 || seconds === 0.5 ? `1/${Math.round(1 / seconds)}` : String(seconds),
    exif_focal_length: decimal(tags.FocalLength),
    photo_submitted_at: String(tags.DateTimeOriginal).replace(':', '-').replace(':', '-'),
    exif_time_offset: tags.OffsetTimeOriginal,
    photo_location_latitude: rounded(tags.GPSLatitude, 5),
    photo_location_longitude: rounded(tags.GPSLongitude, 5),
    exif_orientation: orientation,
    photo_width: upright,
    photo_height: across,
    photo_aspect_ratio: rounded(upright / across, 2),
    photo_title: tags.Title,
    photo_description: tags.Description,
    photo_rating: tags.Rating,
  }
}

describe.skipIf(!hasPrograms('exiftool', 'heif-enc', 'ffmpeg'))('40 files of exiftool, libheif and ffmpeg', () => {
  let folder: string
  const read = new Map<string, Record<string, unknown>>()
  const compared: string[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-table-'))
    const at = (name: string) => join(folder, name)
    const picture = gradient(60, 40)
    await writeFile(at('base.jpg'), await picture.clone().jpeg().toBuffer())
    await writeFile(at('base.png'), await picture.clone().png().toBuffer())
    await writeFile(at('base.webp'), await picture.clone().webp().toBuffer())
    await writeFile(at('base.tif'), await picture.clone().tiff({ compression: 'none' }).toBuffer())
    await writeFile(at('base.avif'), await picture.clone().avif().toBuffer())
    await writeFile(at('base.dng'), await rawFile('DNG'))
    await program('heif-enc', at('base.png'), '-o', at('base.heic'))
    await Promise.all(STILLS.map(({ format, name }) => copyFile(at(`base.${format}`), at(name))))
    const rows = STILLS.map(({ format, i, name }) => ({ SourceFile: at(name), ...tagsOf(format, i) }))
    const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
    const lines = rows.map(row => csvLine(columns.map(column => (row as Record<string, string | number>)[column])))
    await writeFile(at('tags.csv'), [csvLine(columns), ...lines].join('').replaceAll(/(^|,)'(?=[+-])/gm, '$1'))
    const names = STILLS.map(({ name }) => at(name))
    await program('exiftool', '-q', '-m', '-overwrite_original', '-sep', '; ', `-csv=${at('tags.csv')}`, ...names)
    for (const tags of JSON.parse(await program('exiftool', '-json', '-n', ...names)) as Record<string, unknown>[])
      read.set(String(tags.FileName), tags)
  }, 120_000)
  afterAll(async () => {
    await rm(folder, { recursive: true })
    const heading = csvLine(['file', 'column', 'stored', 'exiftool'])
    if (process.env.EXIF_TABLE) await writeFile(process.env.EXIF_TABLE, [heading, ...compared].join(''))
  })

  async function stored(name: string): Promise<FileMetadata | null> {
    const file = await readFile(join(folder, name))
    const { photo } = await decode(file, { input: clipInput(32), maxPixels: 1e6 })
    return await readFileMetadata(file, photo)
  }

  test.each(STILLS)('$name: the stored values are those of exiftool', async ({ format, name }) => {
    const tags = read.get(name)!
    // The JPEG in a RAW file is larger than its thumbnail, which exiftool takes for the image.
    const size = format === 'dng' ? { width: 320, height: 240 } : { width: 60, height: 40 }
    const found = (await stored(name))!
    const { photo_location_latitude: latitude, photo_location_longitude: longitude, ...columns } = found.columns
    const place = {
      photo_location_latitude: Number(latitude?.toFixed(5)),
      photo_location_longitude: Number(longitude?.toFixed(5)),
    }
    const values: Record<string, unknown> = { ...columns, ...place }
    const expected: Record<string, unknown> = columnsOf(tags, size)
    for (const column of Object.keys(expected))
      compared.push(csvLine([name, column, String(values[column]), String(expected[column])]))
    expect(values).toEqual(expected)
    expect(found.keywords).toEqual(tags.Subject)
  })

  test.each(Array.from({ length: FILES.mp4 }, (_, i) => i))('video %d: as many frames as its length holds', async i => {
    const file = join(folder, `film-${i}.mp4`)
    const source = `testsrc=s=160x120:r=10:d=${1 + i * 0.7}`
    await program('ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', file)
    const [tags] = JSON.parse(await program('exiftool', '-json', '-n', file)) as [{ Duration: number }]
    const frames = []
    for await (const { photo } of videoFrames(file, 2, { part: file }))
      frames.push(photo!.photo_image_url.split('#')[1])
    expect(frames).toEqual(Array.from({ length: Math.ceil(2 * tags.Duration) }, (_, frame) => `t=${frame / 2}`))
  })
})
