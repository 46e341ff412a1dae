// Constant pictures, in the form that an image tower takes.
import { PixelNormaliser } from '../../dist/models/runtime/pixels.js'
import { pixelTensor } from '../../dist/models/runtime/tower.js'

export const SIZE = 224
/** Scaling of pixel bytes, by the encoder or in the graph: CLIP's. */
export const SCALE = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }

/** Floats or bytes, as the session requires. */
export function pixelFeeds(session, images) {
  const [{ name, type }] = session.inputMetadata
  const bytes = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => 128 + 127 * Math.sin(i * 12.9898))
  const pixels = new PixelNormaliser(SIZE, SCALE.mean, SCALE.std, type).normalise(new Array(images).fill(bytes))
  return { [name]: pixelTensor(type, pixels, images, SIZE) }
}
