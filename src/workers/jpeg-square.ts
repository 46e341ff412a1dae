import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImageInput } from '../domain/image-input.js'
import { packageRoot } from '../package-root.js'

/** Part of an image as it lies in its file, what that is resized to, and which square of it is wanted. In pixels. */
export interface SquareOfImage {
  seen: { left: number; top: number; width: number; height: number }
  width: number
  height: number
  left: number
  top: number
  size: number
  kernel: ImageInput['kernel']
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
  square(
    ...numbers: [...seen: number[], width: number, height: number, left: number, top: number, size: number]
  ): number
}

/** A file this large grows the memory for good; another one is begun after it. */
const MAX_BYTES_KEPT = 32 << 20

let compiled: object | undefined
let kept: Exports | undefined

/**
 * Decodes an ordinary JPEG and resizes it at once, a few rows at a time, by `assembly/`: a third of the time that libvips
 * takes to set up a pipeline and decode it. The pixels it decodes to are libjpeg's bit for bit, those of the square within
 * 1/255 or 2/255 of Pillow's. What is not ordinary, or not sound, it leaves to libvips, which tells what is wrong with it.
 *
 * @returns [size, size, 3], RGB, row by row; null for what is not a baseline JPEG of 8 bits, YCbCr, 4:2:0, without damage
 */
export function jpegSquare(image: Uint8Array, wanted: SquareOfImage): Uint8Array | null {
  const { seen, width, height, left, top, size, kernel } = wanted
  kept ??= instantiate()
  const { memory, open, square } = kept
  try {
    const input = open(image.length)
    if (input === 0) return null
    new Uint8Array(memory.buffer).set(image, input)
    const bicubic = kernel === 'bicubic' ? 1 : 0
    const at = square(seen.left, seen.top, seen.width, seen.height, width, height, left, top, size, bicubic)
    return at === 0 ? null : new Uint8Array(memory.buffer).slice(at, at + size * size * 3)
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
