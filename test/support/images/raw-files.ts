import { gradient } from './sample-images.js'

/** An entry of a TIFF directory: values as LONG, or bytes of any kind. */
type Entry = [tag: number, type: number, values: number[] | Buffer]

/** Writes directories one behind the other, little-endian; values that do not fit stand behind each. */
function directory(entries: readonly Entry[], at: number, next = 0): Buffer {
  const head = Buffer.alloc(2 + 12 * entries.length + 4)
  const values: Buffer[] = []
  let valueAt = at + head.length
  head.writeUInt16LE(entries.length, 0)
  for (const [i, [tag, type, given]] of entries.entries()) {
    const size = type === 3 ? 2 : 4
    const bytes = Buffer.isBuffer(given) ? given : Buffer.alloc(given.length * size)
    if (!Buffer.isBuffer(given))
      for (const [j, value] of given.entries())
        if (size === 2) bytes.writeUInt16LE(value, 2 * j)
        else bytes.writeUInt32LE(value, 4 * j)
    const entry = 2 + 12 * i
    head.writeUInt16LE(tag, entry)
    head.writeUInt16LE(type, entry + 2)
    head.writeUInt32LE(
      Buffer.isBuffer(given) ? (type === 5 ? given.length / 8 : given.length) : given.length,
      entry + 4,
    )
    if (bytes.length <= 4) bytes.copy(head, entry + 8)
    else {
      head.writeUInt32LE(valueAt, entry + 8)
      values.push(bytes)
      valueAt += bytes.length
    }
  }
  head.writeUInt32LE(next, head.length - 4)
  return Buffer.concat([head, ...values])
}

const text = (value: string) => Buffer.from(`${value}\0`)
const rational = (over: number, under: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(over, 0)
  bytes.writeUInt32LE(under, 4)
  return bytes
}

const CAMERA: Entry[] = [
  [0x829a, 5, rational(1, 250)],
  [0x8827, 3, [800]],
  [0x9003, 2, text('2021:07:14 18:03:22')],
  [0x9011, 2, text('+02:00')],
  [0x920a, 5, rational(50, 1)],
]

/** Sizes of the pictures in these files, in the orientation of the file. */
export const RAW_PREVIEW = { width: 320, height: 240 }

/**
 * Files in the structure of camera RAW files: a thumbnail, sensor data, and a preview that carries no EXIF.
 * @param orientation EXIF orientation of the RAW file
 */
export async function rawFile(kind: 'DNG' | 'ORF' | 'CR3' | 'RAF', orientation = 1): Promise<Buffer> {
  const preview = await gradient(RAW_PREVIEW.width, RAW_PREVIEW.height).jpeg().toBuffer()
  const thumbnail = await gradient(80, 60).jpeg().toBuffer()
  const image: Entry[] = [
    [0x10f, 2, text('Maker')],
    [0x110, 2, text('Camera 1')],
    [0x112, 3, [orientation]],
  ]
  if (kind === 'CR3') return cr3(image, preview, thumbnail)
  if (kind === 'RAF') {
    const named = await gradient(RAW_PREVIEW.width, RAW_PREVIEW.height)
      .withExif({ IFD0: { Make: 'Maker', Model: 'Camera 1' }, IFD2: { ISOSpeedRatings: '800' } })
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer()
    return Buffer.concat([Buffer.from('FUJIFILMCCD-RAW 0201'.padEnd(160, '\0')), named, Buffer.alloc(5000, 0x5a)])
  }
  // Header, the JPEGs and the sensor data; then the directories, whose places are known.
  const sensor = Buffer.alloc(64 * 48 * 2, 0x5a)
  const [thumbnailAt, previewAt] = [8, 8 + thumbnail.length]
  const sensorAt = previewAt + preview.length
  const cameraAt = sensorAt + sensor.length
  const camera = directory(CAMERA, cameraAt)
  const ofPreview: Entry[] = [
    [254, 4, [1]],
    [256, 4, [RAW_PREVIEW.width]],
    [257, 4, [RAW_PREVIEW.height]],
    [259, 3, [7]],
    [262, 3, [6]],
    [273, 4, [previewAt]],
    [277, 3, [3]],
    [279, 4, [preview.length]],
  ]
  const ofSensor: Entry[] = [
    [254, 4, [0]],
    [256, 4, [64]],
    [257, 4, [48]],
    [258, 3, [16]],
    [259, 3, [1]],
    [262, 3, [32_803]],
    [273, 4, [sensorAt]],
    [277, 3, [1]],
    [279, 4, [sensor.length]],
  ]
  const previewDirectoryAt = cameraAt + camera.length
  const previewDirectory = directory(ofPreview, previewDirectoryAt)
  const sensorDirectoryAt = previewDirectoryAt + previewDirectory.length
  const sensorDirectory = directory(ofSensor, sensorDirectoryAt)
  const mainAt = sensorDirectoryAt + sensorDirectory.length
  const main = directory(
    [
      [254, 4, [1]],
      [256, 4, [80]],
      [257, 4, [60]],
      [259, 3, [7]],
      [262, 3, [6]],
      ...image.slice(0, 2),
      [273, 4, [thumbnailAt]],
      image[2]!,
      [277, 3, [3]],
      [279, 4, [thumbnail.length]],
      [330, 4, [previewDirectoryAt, sensorDirectoryAt]],
      [0x8769, 4, [cameraAt]],
      ...(kind === 'DNG' ? [[50_706, 1, Buffer.from([1, 4, 0, 0])] as Entry] : []),
    ],
    mainAt,
  )
  const header = Buffer.from(kind === 'DNG' ? 'II*\0\0\0\0\0' : 'IIRO\0\0\0\0', 'latin1')
  header.writeUInt32LE(mainAt, 4)
  return Buffer.concat([header, thumbnail, preview, sensor, camera, previewDirectory, sensorDirectory, main])
}

/** A box of ISO 14496-12. */
function box(name: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + body.length, 0)
  head.write(name, 4, 'latin1')
  return Buffer.concat([head, body])
}

function cr3(image: readonly Entry[], preview: Buffer, thumbnail: Buffer): Buffer {
  const tiff = (entries: readonly Entry[]) =>
    Buffer.concat([Buffer.from('II*\0\x08\0\0\0', 'latin1'), directory(entries, 8)])
  const canon = box(
    'uuid',
    Buffer.from('85c0b687820f11e08111f4ce462b6a48', 'hex'),
    box('CMT1', tiff(image)),
    box('CMT2', tiff(CAMERA)),
    box('THMB', thumbnail),
  )
  return Buffer.concat([
    box('ftyp', Buffer.from('crx \0\0\0\x01crx isom', 'latin1')),
    box('moov', canon),
    box('mdat', Buffer.alloc(5000, 0x5a), preview, Buffer.alloc(5000, 0x5a)),
  ])
}
