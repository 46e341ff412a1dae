/**
 * pgvector's text form of a vector. Nine significant digits carry a 32-bit float without loss; printing the same float as
 * a double would take twice the bytes.
 * @param vector [dimension]
 */
export function toVectorText(vector: Float32Array): string {
  let text = '['
  for (let i = 0; i < vector.length; i++) text += i === 0 ? vector[i]!.toPrecision(9) : `,${vector[i]!.toPrecision(9)}`
  return `${text}]`
}

/** Reads pgvector's text form of a `vector` or a `halfvec`. @returns [dimension] */
export function fromVectorText(text: string): Float32Array {
  return Float32Array.from(text.slice(1, -1).split(','), Number)
}
