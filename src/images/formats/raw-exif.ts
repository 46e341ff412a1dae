import { type ExifFields, readExif } from '../metadata/exif.js'

const TIFF_MAGIC = 42
const POINTERS = { camera: 0x8769, gps: 0x8825 } as const
const MAX_BOXES = 200

/** EXIF of a camera RAW file whose own structure holds it; null where only its embedded JPEG does, as in RAF. */
export function rawExif(file: Buffer): ExifFields | null {
  const head = file.toString('latin1', 0, 12)
  if (head.slice(4) === 'ftypcrx ') return exifOfCr3(file)
  if (!/^(?:II|MM)/.test(head)) return null
  // Olympus and Panasonic write another number in place of TIFF's 42.
  const tiff = Buffer.from(file)
  if (head.startsWith('II')) tiff.writeUInt16LE(TIFF_MAGIC, 2)
  else tiff.writeUInt16BE(TIFF_MAGIC, 2)
  return readExif(tiff)
}

/** Canon keeps four TIFF blocks in boxes: image, camera, maker note, GPS. */
function exifOfCr3(file: Buffer): ExifFields | null {
  const blocks = new Map<string, Buffer>()
  collect(file, 0, file.length, blocks)
  const [image, camera, gps] = ['CMT1', 'CMT2', 'CMT4'].map(name => blocks.get(name))
  const read = (block: Buffer | undefined) => (block && readExif(block)) ?? {}
  const fields = {
    ...read(camera && pointedTo(camera, POINTERS.camera)),
    ...read(gps && pointedTo(gps, POINTERS.gps)),
  }
  return { ...read(image), ...fields }
}

/** Boxes of ISO 14496-12 that hold the blocks: `moov`, and in it Canon's `uuid`. */
function collect(file: Buffer, from: number, to: number, blocks: Map<string, Buffer>, depth = 0): void {
  let boxes = 0
  for (let at = from; at + 8 <= to && boxes < MAX_BOXES; boxes++) {
    const [size, name] = [file.readUInt32BE(at), file.toString('latin1', at + 4, at + 8)]
    const end = at + size
    if (size < 8 || end > to) return
    if (/^CMT[1-4]$/.test(name)) blocks.set(name, file.subarray(at + 8, end))
    else if (name === 'moov' && depth === 0) collect(file, at + 8, end, blocks, 1)
    else if (name === 'uuid' && depth === 1) collect(file, at + 24, end, blocks, 2)
    at = end
  }
}

/** A TIFF block whose only directory is the one that a tag points to, behind a first directory with that tag. */
function pointedTo(block: Buffer, tag: number): Buffer {
  if (block.length < 8) return block
  const isLittle = block.toString('latin1', 0, 2) === 'II'
  const tiff = Buffer.concat([block, Buffer.alloc(18)])
  const [at, u16, u32] = [
    block.length,
    (value: number, to: number) => (isLittle ? tiff.writeUInt16LE(value, to) : tiff.writeUInt16BE(value, to)),
    (value: number, to: number) => (isLittle ? tiff.writeUInt32LE(value, to) : tiff.writeUInt32BE(value, to)),
  ]
  u16(1, at)
  u16(tag, at + 2)
  u16(4, at + 4)
  u32(1, at + 6)
  u32(isLittle ? block.readUInt32LE(4) : block.readUInt32BE(4), at + 10)
  u32(at, 4)
  return tiff
}
