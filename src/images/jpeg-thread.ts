import { type CropRequest, type DecodedJpeg, decodeJpegCrop } from './jpeg-crop.js'

/** The file and the pixels are in memory of both threads. */
export interface Task {
  image: Uint8Array
  request: CropRequest
  into: DecodedJpeg
}

/** The work of a thread of `JpegThreads`. @returns whether `into` holds the pixels */
export default function decode({ image, request, into }: Task): boolean {
  return decodeJpegCrop(image, request, into) !== null
}
