import { move, transferableSymbol, valueSymbol } from 'piscina'
import { jpegSquare, type SquareOfImage } from './jpeg-square.js'

/** What a thread of {@link JpegThreads} does. */
export default function decode({ image, wanted }: { image: Uint8Array; wanted: SquareOfImage }) {
  const decoded = jpegSquare(image, wanted)
  if (decoded === null) return null
  const buffers = Object.values(decoded).map(pixels => pixels.buffer)
  return move({ [transferableSymbol]: buffers, [valueSymbol]: decoded })
}
