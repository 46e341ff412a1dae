/** What a model's image tower wants to see of a photo: always a square, RGB. */
export interface ImageInput {
  /** Side of the square, in pixels. */
  readonly size: number
  /** `crop`: shortest edge to `size / cropShare`, then the centre. `squash`: both edges to `size`, whatever the aspect. */
  readonly fit: 'crop' | 'squash'
  /** Share of the resized shortest edge that the crop keeps: 1 for CLIP, 0.875 for many models of ImageNet. */
  readonly cropShare: number
  readonly kernel: 'bicubic' | 'bilinear'
}

/** As OpenAI's CLIP sees photos (openai/CLIP, clip/clip.py, `_transform`). @param size side of the square, in pixels */
export function clipInput(size: number): ImageInput {
  return { size, fit: 'crop', cropShare: 1, kernel: 'bicubic' }
}
