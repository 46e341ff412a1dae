import { parentPort, workerData } from 'node:worker_threads'
import { PhotoError, type PhotoFailureCode } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { bmpHeader, decodeBmp } from './bmp.js'
import { describePixels, PIXELS_AT, tiffMemory } from './uncompressed-tiff.js'

/** What the thread is started with. */
export interface PictureTask {
  format: 'HEIC' | 'BMP'
  file: Uint8Array
  maxPixels: number
  /** ICC profile for the result. */
  profile?: Uint8Array
}

/** What the thread answers: an uncompressed TIFF, or why there is none. */
export type PictureAnswer = { tiff: Uint8Array } | { code: PhotoFailureCode; message: string }

/** Memory of WebAssembly, in pages of 64 KiB: libheif holds a few bytes per pixel. */
const MAX_PAGES = (1536 << 20) / 65_536

const { format, file, maxPixels, profile } = workerData as PictureTask
const answer = await pictureOf().catch((error: unknown): PictureAnswer => {
  const code = error instanceof PhotoError ? error.code : 'DECODE_FAILED'
  return { code, message: errorMessage(error).split('\n')[0]! }
})
parentPort!.postMessage(answer, 'tiff' in answer ? [answer.tiff.buffer as ArrayBuffer] : [])

async function pictureOf(): Promise<PictureAnswer> {
  const { width, height, rows } = await (format === 'HEIC' ? decodeHeic() : openBmp())
  const tiff = tiffMemory(width, height, profile)
  rows(tiff.subarray(PIXELS_AT))
  describePixels(tiff, width, height, profile)
  return { tiff }
}

interface Pixels {
  width: number
  height: number
  /** Writes RGB, row by row. */
  rows(into: Uint8Array): void
}

function checkSize(width: number, height: number): void {
  if (!(width > 0 && height > 0)) throw new PhotoError('DECODE_FAILED', `an image of ${width}×${height} pixels`)
  if (width * height > maxPixels)
    throw new PhotoError('TOO_MANY_PIXELS', `${width}×${height} pixels, at most ${maxPixels} are decoded`)
}

/** The primary image, turned upright as the file says. Alpha is left out. */
async function decodeHeic(): Promise<Pixels> {
  limitMemory()
  // Messages of libheif's build go to the console.
  console.log = () => {}
  const { default: libheif } = await import('libheif-js/wasm-bundle.js')
  const context = libheif.heif_context_alloc()
  const read = libheif.heif_context_read_from_memory(context, file)
  if (read.code.value !== 0) throw new PhotoError('DECODE_FAILED', `libheif: ${read.message}`)
  const handle = libheif.heif_js_context_get_primary_image_handle(context)
  if ('message' in handle) throw new PhotoError('DECODE_FAILED', `libheif: ${handle.message}`)
  checkSize(libheif.heif_image_handle_get_width(handle), libheif.heif_image_handle_get_height(handle))
  const { heif_colorspace_RGB } = libheif.heif_colorspace
  const { heif_chroma_interleaved_RGB } = libheif.heif_chroma
  const image = await libheif.heif_js_decode_image2(handle, heif_colorspace_RGB, heif_chroma_interleaved_RGB)
  if (!('channels' in image)) throw new PhotoError('DECODE_FAILED', `libheif: ${image.message}`)
  const [channel] = image.channels
  if (channel === undefined) throw new PhotoError('DECODE_FAILED', 'libheif: no pixels')
  const { width, height, stride, data } = channel
  checkSize(width, height)
  return {
    width,
    height,
    rows(into) {
      for (let y = 0; y < height; y++) into.set(data.subarray(y * stride, y * stride + width * 3), y * width * 3)
    },
  }
}

function openBmp(): Pixels {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const header = bmpHeader(bytes)
  const { width, height } = header
  checkSize(width, height)
  return { width, height, rows: into => decodeBmp(bytes, header, into) }
}

/** What is used of WebAssembly.Memory; the types of Node have none. */
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** A file that makes libheif ask for more fails as if memory were full. */
function limitMemory(): void {
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } }).WebAssembly
  const { grow } = Memory.prototype
  Memory.prototype.grow = function (this: Memory, pages: number) {
    if (this.buffer.byteLength / 65_536 + pages > MAX_PAGES) throw new RangeError('out of memory')
    return grow.call(this, pages)
  }
}
