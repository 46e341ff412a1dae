import { isAdded, type ModelSpec } from '../catalog/registry.js'
import { CLIP_VIT_B_32_VECTORS } from './published-clip-vit-b-32.js'
import type { PublishedVectors } from './self-test-texts.js'

/** Models with published embeddings, by their names in the registry. */
const PUBLISHED: Readonly<Record<string, PublishedVectors>> = {
  'clip-vit-b-32': CLIP_VIT_B_32_VECTORS,
}

/**
 * Returns published vectors to compare a model's text tower with.
 * @returns `claimed`: whether the model's name promises these vectors; undefined when none has the model's shape
 */
export function publishedFor(spec: ModelSpec): { vectors: PublishedVectors; claimed: boolean } | undefined {
  if (!spec.text) return undefined
  const own = PUBLISHED[spec.name]
  if (own) return { vectors: own, claimed: true }
  // A model in a user's folder may be one of these under another name.
  const alike = Object.values(PUBLISHED).find(({ dimension }) => dimension === spec.dimension)
  const { origin } = spec
  const { kind } = origin.kind === 'made' ? origin.from.origin : origin
  return alike && (kind === 'folder' || isAdded(origin.kind === 'made' ? origin.from : spec))
    ? { vectors: alike, claimed: false }
    : undefined
}
