import { PhotoError } from '../../domain/errors.js'

/**
 * Where the parts of a BMP lie. Microsoft, "Bitmap Header Types" and "Bitmap Compression"; BITMAPCOREHEADER is that of
 * OS/2.
 */
export interface BmpHeader {
  /** In pixels. */
  width: number
  height: number
  isTopDown: boolean
  /** Per pixel: 1, 2, 4 and 8 are indices of colours. */
  bits: number
  compression: number
  /** Bits of red, green and blue in a pixel of 16 or 32 bits. */
  masks: readonly [number, number, number]
  paletteAt: number
  /** Bytes per colour, blue first. */
  colourBytes: number
  colours: number
  pixelsAt: number
}

const FILE_HEADER = 14
const CORE = 12
const INFO = 40
const OS2 = 64
const MASKS_AT = FILE_HEADER + INFO
const [PLAIN, RLE8, RLE4, FIELDS, ALPHA_FIELDS] = [0, 1, 2, 3, 6]
/** Bits per pixel that each compression goes with. JPEG and PNG inside a BMP exist for printers only. */
const BITS: Readonly<Record<number, readonly number[]>> = {
  [PLAIN]: [1, 2, 4, 8, 16, 24, 32],
  [RLE8]: [8],
  [RLE4]: [4],
  [FIELDS]: [16, 32],
  [ALPHA_FIELDS]: [16, 32],
}

/** @throws PhotoError DECODE_FAILED, UNSUPPORTED_IMAGE */
export function bmpHeader(file: Buffer): BmpHeader {
  const size = file.length < FILE_HEADER + CORE ? 0 : file.readUInt32LE(FILE_HEADER)
  if (size < CORE || FILE_HEADER + size > file.length) throw damaged('its header is incomplete')
  const isCore = size === CORE
  if (!isCore && size < INFO) throw new PhotoError('UNSUPPORTED_IMAGE', `a BMP with a header of ${size} bytes`)
  const [width, signedHeight, bits] = isCore
    ? [file.readUInt16LE(18), file.readUInt16LE(20), file.readUInt16LE(24)]
    : [file.readInt32LE(18), file.readInt32LE(22), file.readUInt16LE(28)]
  const height = Math.abs(signedHeight)
  if (width <= 0 || height === 0) throw damaged(`it has ${width}×${height} pixels`)
  const [compression, used] = isCore ? [PLAIN, 0] : [file.readUInt32LE(30), file.readUInt32LE(46)]
  const isFields = compression === FIELDS || compression === ALPHA_FIELDS
  if (!BITS[compression]?.includes(bits) || (isFields && size === OS2))
    throw new PhotoError('UNSUPPORTED_IMAGE', `a BMP of ${bits} bits per pixel with compression ${compression}`)
  if (isFields && file.length < MASKS_AT + 12) throw damaged('its masks are incomplete')

  const maskBytes = isFields && size === INFO ? (compression === FIELDS ? 12 : 16) : 0
  const paletteAt = FILE_HEADER + size + maskBytes
  const colourBytes = isCore ? 3 : 4
  const most = bits > 8 ? 0 : Math.min(used || 2 ** bits, 2 ** bits)
  // Some programs leave it out.
  const pixelsAt = file.readUInt32LE(10) || paletteAt + most * colourBytes
  const room = Math.floor((Math.min(pixelsAt, file.length) - paletteAt) / colourBytes)
  return {
    width,
    height,
    isTopDown: signedHeight < 0,
    bits,
    compression,
    masks: isFields ? masksIn(file) : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff],
    paletteAt,
    colourBytes,
    colours: Math.max(0, Math.min(most, room)),
    pixelsAt,
  }
}

function masksIn(file: Buffer): [number, number, number] {
  return [file.readUInt32LE(MASKS_AT), file.readUInt32LE(MASKS_AT + 4), file.readUInt32LE(MASKS_AT + 8)]
}

/**
 * Decodes a BMP as Pillow does, bit for bit. Alpha is left out; an index without a colour is black.
 * @param into [height, width, 3], RGB, row by row; zeros
 * @throws PhotoError DECODE_FAILED where the file ends before its pixels do
 */
export function decodeBmp(file: Buffer, header: BmpHeader, into: Uint8Array): void {
  const { width, height, isTopDown, bits, compression, pixelsAt } = header
  const start = (row: number) => (isTopDown ? row : height - 1 - row) * width * 3
  if (compression === RLE8 || compression === RLE4) {
    decodeRuns(file, header, start, into)
    return
  }
  const rowBytes = Math.ceil((width * bits) / 32) * 4
  // The last row may come without the bytes that fill it up.
  const end = pixelsAt + rowBytes * (height - 1) + Math.ceil((width * bits) / 8)
  if (end > file.length) throw damaged(`expected ${end} bytes, found ${file.length}`)
  const decodeRow =
    bits <= 8 ? indexedRow(file, header) : bits === 24 ? plainRow(file, header) : maskedRow(file, header)
  for (let row = 0; row < height; row++) decodeRow(pixelsAt + row * rowBytes, into, start(row))
}

/** Decodes the row at `from` to `to`. */
type DecodeRow = (from: number, into: Uint8Array, to: number) => void

function indexedRow(file: Buffer, header: BmpHeader): DecodeRow {
  const { width, bits } = header
  const palette = paletteOf(file, header)
  const mask = 2 ** bits - 1
  return (from, into, to) => {
    for (let x = 0, bit = 0; x < width; x++, bit += bits, to += 3) {
      const index = (file[from + Math.floor(bit / 8)]! >> (8 - bits - (bit % 8))) & mask
      into[to] = palette[3 * index]!
      into[to + 1] = palette[3 * index + 1]!
      into[to + 2] = palette[3 * index + 2]!
    }
  }
}

function plainRow(file: Buffer, { width }: BmpHeader): DecodeRow {
  return (from, into, to) => {
    for (const end = to + 3 * width; to < end; from += 3, to += 3) {
      into[to] = file[from + 2]!
      into[to + 1] = file[from + 1]!
      into[to + 2] = file[from]!
    }
  }
}

function maskedRow(file: Buffer, { width, bits, masks }: BmpHeader): DecodeRow {
  const channels = masks.map(mask => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    return { mask, shift, most: mask >>> shift || 1 }
  })
  return (from, into, to) => {
    for (let x = 0; x < width; x++, from += bits / 8) {
      const pixel = bits === 16 ? file.readUInt16LE(from) : file.readUInt32LE(from)
      for (const { mask, shift, most } of channels) into[to++] = Math.floor((((pixel & mask) >>> shift) * 255) / most)
    }
  }
}

/** Runs, literal pixels, and jumps over pixels, which have the first colour. */
function decodeRuns(file: Buffer, header: BmpHeader, start: (row: number) => number, into: Uint8Array): void {
  const { width, height, bits } = header
  const palette = paletteOf(file, header)
  for (let to = 0; to < width * height * 3; to += 3) into.set(palette.subarray(0, 3), to)
  let [x, row, at] = [0, 0, header.pixelsAt]
  const take = (bytes: number) => {
    if (at + bytes > file.length) throw damaged(`its compressed pixels end in row ${row + 1} of ${height}`)
    at += bytes
    return at - bytes
  }
  const put = (index: number) => {
    if (x < width) into.set(palette.subarray(3 * index, 3 * index + 3), start(row) + 3 * x)
    x++
  }
  const half = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15)
  while (row < height && !(row === height - 1 && x >= width)) {
    const pair = take(2)
    const [count, value] = [file[pair]!, file[pair + 1]!]
    if (count > 0) for (let i = 0; i < count; i++) put(half(value, i))
    else if (value === 0) [x, row] = [0, row + 1]
    else if (value === 1) return
    else if (value === 2) {
      const jump = take(2)
      x += file[jump]!
      row += file[jump + 1]!
    } else {
      const bytes = Math.ceil((value * bits) / 8)
      const literal = take(bytes)
      for (let i = 0; i < value; i++) put(half(file[literal + Math.floor((i * bits) / 8)]!, i))
      at += bytes % 2
    }
  }
}

/** [256, 3], RGB */
function paletteOf(file: Buffer, { paletteAt, colourBytes, colours }: BmpHeader): Uint8Array {
  const palette = new Uint8Array(256 * 3)
  for (let i = 0; i < colours; i++)
    for (let channel = 0; channel < 3; channel++)
      palette[3 * i + channel] = file[paletteAt + i * colourBytes + 2 - channel]!
  return palette
}

function damaged(why: string): PhotoError {
  return new PhotoError('DECODE_FAILED', `a damaged BMP: ${why}`)
}
