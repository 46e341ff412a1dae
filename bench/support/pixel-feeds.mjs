// Constant pictures, in the form that an image tower takes.
import { ImageFeeds } from '../../dist/models/runtime/image-feeds.js'
import { readInputs } from '../../dist/models/runtime/signature.js'

export const SIZE = 224
/** Scaling of pixel bytes, by the encoder or in the graph: CLIP's. */
export const SCALE = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }

/** Floats, bytes or levels, as the session requires. */
export function pixelFeeds(session, images) {
  const bytes = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => 128 + 127 * Math.sin(i * 12.9898))
  const feeds = new ImageFeeds(readInputs('the graph', session, SIZE), { size: SIZE, ...SCALE })
  return feeds.of(new Array(images).fill(bytes))
}
