import { move } from 'piscina'
import { jpegSquare, type SquareOfImage } from './jpeg-square.js'

/** What a thread of {@link JpegThreads} does. */
export default function decode({ image, wanted }: { image: Uint8Array; wanted: SquareOfImage }) {
  const square = jpegSquare(image, wanted)
  return square === null ? null : move(square)
}
