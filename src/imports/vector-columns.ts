/** Usual names of a column of vectors, the first one wins. Compared in lower case. */
export const VECTOR_NAMES = [
  ...['embedding', 'embeddings', 'vector', 'vectors', 'image_embedding', 'image_embeddings', 'clip_embedding'],
  ...['img_emb', 'image_vector', 'features'],
]

/**
 * The column of vectors among columns that could be one.
 * @param wanted its name, exactly
 * @returns undefined: none, or several without a usual name
 */
export function vectorColumnOf(names: readonly string[], wanted: string | undefined): string | undefined {
  if (wanted !== undefined) return names.find(name => name === wanted)
  const usual = VECTOR_NAMES.flatMap(usual => names.filter(name => name.toLowerCase() === usual))
  return usual[0] ?? (names.length === 1 ? names[0] : undefined)
}
