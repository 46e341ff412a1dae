import { CLIP_VIT_B_32_VECTORS } from './published-clip-vit-b-32.js'
import type { ModelSpec } from './registry.js'
import type { PublishedVectors } from './self-test-texts.js'

/** Models of which embeddings are published, by their names in the registry. */
const PUBLISHED: Readonly<Record<string, PublishedVectors>> = {
  'clip-vit-b-32': CLIP_VIT_B_32_VECTORS,
}

/**
 * What a model's text tower can be held against.
 * @returns `claimed`: whether the model's name says that it gives these vectors; undefined where nothing fits its shape
 */
export function publishedFor(spec: ModelSpec): { vectors: PublishedVectors; claimed: boolean } | undefined {
  if (!spec.text) return undefined
  const own = PUBLISHED[spec.name]
  if (own) return { vectors: own, claimed: true }
  // A model in a user's folder, under a name of its own, may be one of these.
  const alike = Object.values(PUBLISHED).find(({ dimension }) => dimension === spec.dimension)
  return alike && spec.origin.kind === 'folder' ? { vectors: alike, claimed: false } : undefined
}
