import { readFileSync } from 'node:fs'
import type { ImageInput } from '../domain/image-input.js'
import { builtFile } from '../package-root.js'
import type { Box, Size } from './orientation.js'

/**
 * A part of a JPEG in the orientation of its file, the size it is resized to (`width`, `height`), and the square of
 * that which is cropped. In pixels.
 */
export interface CropRequest extends Size {
  sourceRegion: Box
  left: number
  top: number
  size: number
  kernel: ImageInput['kernel']
  /** 2: decode at half the size. The region's offset must be even then. */
  scale?: 1 | 2
  /** Size of a preview of the whole image, made in the same pass. */
  preview?: Size
}

/** Each [height, width, 3], RGB, row by row. */
export interface DecodedJpeg {
  square: Uint8Array
  /** If it was requested. */
  preview?: Uint8Array
}

/** The parts of WebAssembly that are used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object
  Instance: new (module: object) => { exports: object }
  RuntimeError: new () => Error
}

/** The exports of `assembly/jpeg.ts`. */
interface Exports {
  memory: { buffer: ArrayBuffer }
  open(size: number): number
  decode(scale: number, ...numbers: number[]): number
  previewAt(): number
}

/** WebAssembly memory never shrinks: after a file that grew it beyond this, a new instance replaces it. */
const MAX_BYTES_KEPT = 32 << 20

let compiled: object | undefined
let kept: Exports | undefined

/**
 * Decodes an ordinary JPEG and resizes it in one pass, a few rows at a time, by `assembly/`: in a third of the time
 * that libvips takes. The decoded pixels are libjpeg's bit for bit, at the full and at half the size; those of the
 * square are within 2/255 of Pillow's. See assembly/README.md.
 *
 * @param into where to put the pixels; new memory by default
 * @returns null for everything but an undamaged baseline JPEG of 8 bits, YCbCr, 4:2:0; libvips decodes that or names
 * its fault
 */
export function decodeJpegCrop(
  image: Uint8Array,
  request: CropRequest,
  into: Partial<DecodedJpeg> = {},
): DecodedJpeg | null {
  const { sourceRegion, width, height, left, top, size, kernel, scale = 1, preview } = request
  const region = [sourceRegion.left, sourceRegion.top, sourceRegion.width, sourceRegion.height].map(it => it / scale)
  kept ??= instantiate()
  const { memory, open, decode, previewAt } = kept
  try {
    const input = open(image.length)
    if (input === 0) return null
    new Uint8Array(memory.buffer).set(image, input)
    const isBicubic = kernel === 'bicubic' ? 1 : 0
    const previewSize = [preview?.width ?? 0, preview?.height ?? 0]
    const at = decode(scale, ...region, width, height, left, top, size, isBicubic, ...previewSize)
    if (at === 0) return null
    const put = (at: number, { width, height }: Size, to: Uint8Array = new Uint8Array(width * height * 3)) => {
      to.set(new Uint8Array(memory.buffer, at, width * height * 3))
      return to
    }
    const square = put(at, { width: size, height: size }, into.square)
    return preview ? { square, preview: put(previewAt(), preview, into.preview) } : { square }
  } catch (error) {
    // A trap: WebAssembly cannot have touched anything but its own memory.
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    kept = undefined
    return null
  } finally {
    if (memory.buffer.byteLength > MAX_BYTES_KEPT) kept = undefined
  }
}

function instantiate(): Exports {
  compiled ??= new WebAssembly.Module(readFileSync(builtFile('assembly/jpeg.wasm')))
  return new WebAssembly.Instance(compiled).exports as Exports
}
