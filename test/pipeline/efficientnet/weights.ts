/** Scenes that are ingested, and of which timm's features are known. */
export const SCENES = 24

/** Number of a tensor, count of its numbers, their middle, and the greatest distance from it. */
export type Weights = readonly [index: number, count: number, middle: number, spread: number]

/** Random numbers, uniform in middle ± spread, as tools/efficientnet/make.py computes them: the bytes of all tensors. */
export function weightBytes(tensors: readonly Weights[]): Uint8Array {
  const values = new Float32Array(tensors.reduce((sum, [, count]) => sum + count, 0))
  let at = 0
  for (const [index, count, middle, spread] of tensors)
    for (let i = 0; i < count; i++) values[at++] = middle + spread * (hash(index, i) / 2 ** 31 - 1)
  return new Uint8Array(values.buffer)
}

/** lowbias32 (https://nullprogram.com/blog/2018/07/31/). @returns 32 bits */
function hash(index: number, place: number): number {
  let x = (Math.imul(place, 0x9e3779b1) + Math.imul(index, 0x85ebca77)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}
