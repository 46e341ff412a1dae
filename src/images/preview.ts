import type { Size } from './orientation.js'

/** A whole photo at a smaller size, made while the photo was decoded: upright, sRGB. Its copy is encoded from it. */
export interface Preview extends Size {
  /** [height, width, channels], row by row */
  data: Uint8Array
  channels: 3 | 4
  /** The size of the upright photo. */
  photo: Size
}

/** The format's limit is 65,535; libjpeg's is 65,500 (jmorecfg.h, JPEG_MAX_DIMENSION). */
export const MAX_JPEG_WIDTH = 65_500
/** Larger previews, of very elongated photos, would take tens of times the memory of the usual ones. */
const MAX_PREVIEW_PIXELS = 4 << 20
/** A filter of `assembly/` reaches over 512 pixels (MOST_PAIRS in resample.ts), and bicubic over 4 times the factor. */
const MAX_PREVIEW_SHRINK = 100

/** @returns the size of the copy of an image that is at least that high; null if it is wider than a JPEG can be */
export function copySize(image: Size, height: number): Size | null {
  const width = Math.max(1, Math.round((height * image.width) / image.height))
  return width <= MAX_JPEG_WIDTH ? { width, height } : null
}

/**
 * @param scale at which the JPEG is decoded
 * @returns the size of the preview that `assembly/` makes for a copy of that height; undefined if it makes none
 */
export function previewSize(photo: Size, copyHeight: number, scale: number): Size | undefined {
  const shrink = photo.height / scale / copyHeight
  const size = copySize(photo, copyHeight)
  const isMade = size && shrink > 1 && shrink <= MAX_PREVIEW_SHRINK && size.width * size.height <= MAX_PREVIEW_PIXELS
  return isMade ? size : undefined
}
