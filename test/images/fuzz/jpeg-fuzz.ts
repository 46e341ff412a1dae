import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { builtFile } from '../../../src/package-root.js'
import { noise } from '../../support/images/sample-images.js'

/** The parts of WebAssembly that are used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object
  Instance: new (module: object) => { exports: object }
}

interface Decoder {
  memory: { buffer: ArrayBuffer }
  open(size: number): number
  decode(...numbers: number[]): number
  previewAt(): number
}

interface Size {
  width: number
  height: number
}

/** Larger mutants are skipped: they take long and show no more. */
const MAX_PIXELS = 1 << 20
const SQUARE = 8

/** Mulberry32: a small generator whose sequence depends on the seed alone. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** FUZZ_SEED, or a new seed each time. Printed, so that a failure can be repeated. */
export function fuzzSeed(): number {
  const seed = process.env.FUZZ_SEED === undefined ? Date.now() % 2 ** 32 : Number(process.env.FUZZ_SEED)
  console.info(`FUZZ_SEED=${seed}`)
  return seed
}

/**
 * Sound files to mutate: with restart markers, and generated ones of the kind that is decoded and of its neighbours.
 */
async function seedFiles(): Promise<Buffer[]> {
  const make = (width: number, height: number, options: object, blur?: number) => {
    const image = noise(width, height)
    return (blur ? image.blur(blur) : image).jpeg(options).toBuffer()
  }
  const generated = await Promise.all([
    make(40, 30, { quality: 80 }),
    make(97, 55, { quality: 95 }, 2),
    make(64, 64, { quality: 30, optimiseCoding: false }, 1),
    make(33, 80, { quality: 100 }),
    make(17, 9, { quality: 1 }),
    make(200, 150, { quality: 75 }, 4),
    make(48, 48, { quality: 80, chromaSubsampling: '4:4:4' }, 1),
    make(48, 48, { quality: 80, progressive: true }, 1),
    noise(48, 48).toColourspace('b-w').jpeg().toBuffer(),
    noise(50, 40).withMetadata({ orientation: 6 }).jpeg({ quality: 70 }).toBuffer(),
  ])
  const restartMarkers = readFileSync(new URL('../restart-markers.jpg', import.meta.url))
  return [restartMarkers, ...generated]
}

/** Makes one to four changes: bytes, bits, sizes, missing or repeated pieces, pieces of another file. */
function mutate(file: Buffer, others: readonly Buffer[], random: (below: number) => number): Buffer {
  let image: Buffer = Buffer.from(file)
  for (let changes = 1 + random(random(4) + 1); changes > 0 && image.length > 4; changes--)
    image = changed(image, others, random)
  return image
}

function changed(image: Buffer, others: readonly Buffer[], random: (below: number) => number): Buffer {
  // Half of the changes lie in the first 700 bytes: headers and tables.
  const at = random(2) === 0 ? random(Math.min(700, image.length)) : random(image.length)
  const length = 1 + random(random(3) === 0 ? 200 : 8)
  const without = () => Buffer.concat([image.subarray(0, at), image.subarray(at + length)])
  const inserted = (piece: Buffer) => Buffer.concat([image.subarray(0, at), piece, image.subarray(at)])
  switch (random(9)) {
    case 0:
      image[at] = random(256)
      return image
    case 1:
      image[at]! ^= 1 << random(8)
      return image
    case 2:
      image[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][random(6)]!
      return image
    case 3:
      return without()
    case 4:
      return inserted(image.subarray(at, at + length))
    case 5: {
      const other = others[random(others.length)]!
      const from = random(other.length)
      return inserted(other.subarray(from, from + length))
    }
    case 6: {
      const other = others[random(others.length)]!
      other.copy(image, at, random(other.length), other.length)
      return image
    }
    case 7:
      return image.subarray(0, 4 + random(image.length - 4))
    default: {
      const marker = [0xc0, 0xc4, 0xdb, 0xda, 0xdd, 0xd9, 0xd0, 0xe1][random(8)]!
      const segment = image.indexOf(Buffer.from([0xff, marker]))
      if (segment < 0) return inserted(Buffer.from([0xff, marker]))
      const inside = segment + 2 + random(24)
      if (inside < image.length) image[inside] = random(256)
      return image
    }
  }
}

/** An instance of `assembly/` of its own, whose traps are not caught. */
class FuzzedDecoder {
  readonly #decoder: Decoder

  constructor() {
    const code = readFileSync(builtFile('assembly/jpeg.wasm'))
    this.#decoder = new WebAssembly.Instance(new WebAssembly.Module(code)).exports as Decoder
  }

  /** @returns all pixels, [height, width, 3], or null if it refuses the file */
  decode(image: Buffer, { width, height }: Size, scale = 1): Buffer | null {
    const { memory, open, decode, previewAt } = this.#decoder
    const input = open(image.length)
    if (input === 0) return null
    new Uint8Array(memory.buffer).set(image, input)
    const [columns, rows] = [width / scale, height / scale]
    const [w, h] = [Math.ceil(columns), Math.ceil(rows)]
    const at = decode(scale, 0, 0, columns, rows, w, h, w - SQUARE, h - SQUARE, SQUARE, 1, w, h)
    if (Buffer.compare(Buffer.from(memory.buffer, input, image.length), image) !== 0)
      throw new Error('expected the file in memory to stay as it is, found it overwritten')
    if (at === 0) return null
    return Buffer.from(Buffer.from(memory.buffer, previewAt(), w * h * 3))
  }
}

/** The size in the first bytes that look like a frame's, for a file that libvips refuses. */
function claimedSize(image: Buffer): Size | null {
  const frame = image.indexOf(Buffer.from([0xff, 0xc0]))
  if (frame < 0 || frame + 9 > image.length) return null
  return decodable({ width: image.readUInt16BE(frame + 7), height: image.readUInt16BE(frame + 5) })
}

function decodable({ width, height }: Size): Size | null {
  return width >= SQUARE && height >= SQUARE && width * height <= MAX_PIXELS ? { width, height } : null
}

/** Decodes as the pipeline lets libvips decode. @returns its message if it refuses the file */
async function libvipsPixels(image: Buffer): Promise<(Size & { data: Buffer }) | string> {
  try {
    const pipeline = sharp(image, { failOn: 'error', limitInputPixels: MAX_PIXELS, ignoreIcc: true })
    const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true })
    return { data, width: info.width, height: info.height }
  } catch (error) {
    return (error as Error).message
  }
}

export interface FuzzCounts {
  /** By `assembly/`, and so left to libvips. */
  refused: number
  /** With the pixels of libvips. */
  same: number
}

/**
 * Mutates sound JPEGs and decodes each by `assembly/` and by libvips.
 * @param count number of mutants
 * @throws Error if the pixels of a mutant differ, if libvips refuses it, if it takes long, traps, or disturbs the next
 * file
 */
export async function fuzzJpegs(seed: number, count: number): Promise<FuzzCounts> {
  const random = randomOf(seed)
  const files = await seedFiles()
  const [decoder, counts] = [new FuzzedDecoder(), { refused: 0, same: 0 }]
  const sound = files[1]!
  const soundSize = claimedSize(sound)!
  const expected = decoder.decode(sound, soundSize)!
  for (let i = 0; i < count; i++) {
    const mutant = mutate(files[random(files.length)]!, files, random)
    const reference = await libvipsPixels(mutant)
    const size = typeof reference === 'string' ? claimedSize(mutant) : decodable(reference)
    const started = performance.now()
    const pixels = size && decoder.decode(mutant, size)
    const ms = performance.now() - started
    const say = (what: string) => new Error(`mutant ${i} of FUZZ_SEED=${seed}: ${what}; ${mutant.toString('base64')}`)
    if (ms > 5000) throw say(`expected an answer within 5 s, found ${Math.round(ms)} ms`)
    if (size) decoder.decode(mutant, size, 2)
    if (Buffer.compare(decoder.decode(sound, soundSize)!, expected) !== 0)
      throw say('expected the next file to be decoded as before, found other pixels')
    if (pixels === null) {
      counts.refused++
      continue
    }
    if (typeof reference === 'string')
      throw say(`expected it to be refused, as libvips does, found pixels: ${reference}`)
    if (Buffer.compare(pixels, reference.data) !== 0) throw say(`expected the pixels of libvips, found others`)
    counts.same++
  }
  return counts
}
