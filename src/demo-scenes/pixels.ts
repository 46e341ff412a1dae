import sharp from 'sharp'

/** Side of the model's input in pixels. */
export const INPUT_SIDE = 224

/** CLIP's channel statistics (openai/CLIP, `clip/clip.py`): the demo model takes the same input as CLIP. */
export const IMAGE_MEAN = [0.48145466, 0.4578275, 0.40821073] as const
export const IMAGE_STD = [0.26862954, 0.26130258, 0.27577711] as const

/**
 * CLIP's preprocessing up to normalisation: shortest edge to 224 bicubic, centre crop, 8-bit RGB.
 * @param image an encoded picture, e.g. a JPEG
 * @returns `Uint8Array // [224, 224, 3]`
 */
export async function cropPixels(image: Buffer): Promise<Uint8Array> {
  const pixels = await sharp(image)
    .resize(INPUT_SIDE, INPUT_SIDE, { fit: 'cover', position: 'centre', kernel: 'cubic' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer()
  return new Uint8Array(pixels)
}

/** Normalises 8-bit RGB into one image of a batch, `Float32Array // [batch, 3, 224, 224]`, at position `index`. */
export function writePixelValues(pixels: Uint8Array, batch: Float32Array, index: number): void {
  const plane = INPUT_SIDE * INPUT_SIDE
  for (let channel = 0; channel < 3; channel++) {
    const mean = IMAGE_MEAN[channel] as number
    const scale = 1 / (255 * (IMAGE_STD[channel] as number))
    const offset = mean / (IMAGE_STD[channel] as number)
    const start = (index * 3 + channel) * plane
    for (let i = 0; i < plane; i++) batch[start + i] = (pixels[i * 3 + channel] as number) * scale - offset
  }
}

/** Every 2x2 block averaged: the demo model's first layer, done once here to make training cheaper. */
export function halve(pixels: Uint8Array): Uint8Array {
  const side = INPUT_SIDE / 2
  const row = INPUT_SIDE * 3
  const out = new Uint8Array(side * side * 3)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let c = 0; c < 3; c++) {
        const at = y * 2 * row + x * 6 + c
        const sum =
          (pixels[at] as number) +
          (pixels[at + 3] as number) +
          (pixels[at + row] as number) +
          (pixels[at + row + 3] as number)
        out[(y * side + x) * 3 + c] = (sum + 2) >> 2
      }
    }
  }
  return out
}
