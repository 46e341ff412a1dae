/** The input of a model's image tower: always a square, RGB. */
export interface ImageInput {
  /** Side of the square, in pixels. */
  readonly size: number
  /**
   * `crop`: shortest edge to `size / cropShare`, then the centre. `squash`: both edges to `size`, ignoring the aspect
   * ratio.
   */
  readonly fit: 'crop' | 'squash'
  /** Share of the resized shortest edge that the crop keeps: 1 for CLIP, 0.875 for many ImageNet models. */
  readonly cropShare: number
  readonly kernel: 'bicubic' | 'bilinear'
}

/** Returns the input of OpenAI's CLIP (openai/CLIP, clip/clip.py, `_transform`). @param size side in pixels */
export function clipInput(size: number): ImageInput {
  return { size, fit: 'crop', cropShare: 1, kernel: 'bicubic' }
}

/** Returns the bytes of one input: [size, size, 3], RGB, 8 bits. */
export function squareBytes({ size }: Pick<ImageInput, 'size'>): number {
  return 3 * size * size
}
