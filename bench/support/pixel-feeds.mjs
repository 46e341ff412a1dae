// Pictures that are always the same, as an image tower takes them.
import { PixelNormaliser } from '../../dist/src/models/pixels.js'
import { pixelTensor } from '../../dist/src/models/tower.js'

export const SIZE = 224
/** How the bytes of pixels are scaled, by the encoder or in the graph: as for CLIP. */
export const SCALE = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }

/** As floats or bytes, whichever the session asks for. */
export function pixelFeeds(session, images) {
  const [{ name, type }] = session.inputMetadata
  const bytes = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => 128 + 127 * Math.sin(i * 12.9898))
  const pixels = new PixelNormaliser(SIZE, SCALE.mean, SCALE.std, type).normalise(new Array(images).fill(bytes))
  return { [name]: pixelTensor(type, pixels, images, SIZE) }
}
