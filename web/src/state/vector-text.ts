/** Largest step of a component: one byte each, with a sign. */
const STEPS = 127

/**
 * A vector as a text for the address of the page, so that a link reproduces a search by a picture without the picture.
 * One byte per component, scaled by the largest: the direction changes by less than a hundredth of a degree per
 * dimension, far below the differences between hits.
 * @param vector [dimension]
 */
export function textOfVector(vector: readonly number[]): string {
  const largest = Math.max(...vector.map(Math.abs)) || 1
  const bytes = vector.map(value => Math.round((value / largest) * STEPS) & 0xff)
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** @returns [dimension], of any length; empty for a text that is none of a vector */
export function vectorOfText(text: string): number[] {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Array.from(bytes, byte => (byte.charCodeAt(0) << 24) >> 24)
  } catch {
    return []
  }
}
