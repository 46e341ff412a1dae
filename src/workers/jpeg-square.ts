import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImageInput } from '../domain/image-input.js'
import { packageRoot } from '../package-root.js'

interface Size {
  width: number
  height: number
}

/** Part of an image as it lies in its file, what that is resized to, and which square of it is wanted. In pixels. */
export interface SquareOfImage extends Size {
  seen: { left: number; top: number } & Size
  left: number
  top: number
  size: number
  kernel: ImageInput['kernel']
  /** 2: decoded at half the size on the way. Nothing of `seen`, and neither edge of the image, may be odd. */
  scale?: 1 | 2
  /** All of the image is wanted as well, at this size. */
  picture?: Size
}

/** Each [height, width, 3], RGB, row by row. */
export interface DecodedJpeg {
  square: Uint8Array
  /** Where it was wanted. */
  picture?: Uint8Array
}

/** What of it is used: TypeScript knows it only beside a browser's document. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object
  Instance: new (module: object) => { exports: object }
  RuntimeError: new () => Error
}

/** What `assembly/jpeg.ts` exports. */
interface Exports {
  memory: { buffer: ArrayBuffer }
  open(size: number): number
  decode(scale: number, ...numbers: number[]): number
  pictureAt(): number
}

/** A file this large grows the memory for good; another one is begun after it. */
const MAX_BYTES_KEPT = 32 << 20

let compiled: object | undefined
let kept: Exports | undefined

/**
 * Decodes an ordinary JPEG and resizes it at once, a few rows at a time, by `assembly/`: a third of the time that libvips
 * takes to set up a pipeline and decode it. The pixels it decodes to are libjpeg's bit for bit, at the full and at half the
 * size; those of the square are within 1/255 or 2/255 of what Pillow makes of them. What is not ordinary, or not sound, it
 * leaves to libvips, which tells what is wrong with it.
 *
 * @param into where the pixels are to be put; new memory by default
 * @returns null for what is not a baseline JPEG of 8 bits, YCbCr, 4:2:0, without damage
 */
export function jpegSquare(
  image: Uint8Array,
  wanted: SquareOfImage,
  into: Partial<DecodedJpeg> = {},
): DecodedJpeg | null {
  const { width, height, left, top, size, kernel, scale = 1, picture } = wanted
  const seen = [wanted.seen.left, wanted.seen.top, wanted.seen.width, wanted.seen.height].map(it => it / scale)
  kept ??= instantiate()
  const { memory, open, decode, pictureAt } = kept
  try {
    const input = open(image.length)
    if (input === 0) return null
    new Uint8Array(memory.buffer).set(image, input)
    const bicubic = kernel === 'bicubic' ? 1 : 0
    const beside = [picture?.width ?? 0, picture?.height ?? 0]
    const at = decode(scale, ...seen, width, height, left, top, size, bicubic, ...beside)
    if (at === 0) return null
    const put = (at: number, { width, height }: Size, to: Uint8Array = new Uint8Array(width * height * 3)) => {
      to.set(new Uint8Array(memory.buffer, at, width * height * 3))
      return to
    }
    const square = put(at, { width: size, height: size }, into.square)
    return picture ? { square, picture: put(pictureAt(), picture, into.picture) } : { square }
  } catch (error) {
    // Outside its memory there is nothing that it could have touched.
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    kept = undefined
    return null
  } finally {
    if (memory.buffer.byteLength > MAX_BYTES_KEPT) kept = undefined
  }
}

function instantiate(): Exports {
  compiled ??= new WebAssembly.Module(readFileSync(join(packageRoot(), 'dist', 'assembly', 'jpeg.wasm')))
  return new WebAssembly.Instance(compiled).exports as Exports
}
