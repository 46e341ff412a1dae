import { type DecodedJpeg, jpegSquare, type SquareOfImage } from './jpeg-square.js'

/** In memory of both threads. */
export interface Task {
  image: Uint8Array
  wanted: SquareOfImage
  into: DecodedJpeg
}

/** What a thread of `JpegThreads` does. @returns whether there are pixels now */
export default function decode({ image, wanted, into }: Task): boolean {
  return jpegSquare(image, wanted, into) !== null
}
