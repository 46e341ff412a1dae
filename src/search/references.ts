import { AppError, type CommandFailureCode } from '../domain/errors.js'
import type { ReferenceRepository } from '../domain/ports/references/reference-repository.js'
import type { SearchRepository } from '../domain/ports/search-repository.js'
import { REFERENCE_TEXTS } from '../domain/text/reference-texts.js'
import { encoderOf, type ModelCatalog, type SearchModel } from './search-model.js'

/** Photos that are compared with reference texts by the search that first needs it: seconds. */
const MOST_PHOTOS = 10_000
/** Texts per photo whose mean similarity is its reference, unless a user chooses another number. */
export const DEFAULT_K = 32
/** Texts embedded together. */
const AT_ONCE = 50
/** Failures after which nobody can compare photos from here. */
const CANNOT_LEARN: ReadonlySet<CommandFailureCode> = new Set([
  'DATABASE_FORBIDDEN',
  'DATABASE_UNAVAILABLE',
  'MODEL_UNKNOWN',
  'MODEL_WITHOUT_TEXT',
  'NOT_EMBEDDED',
])

export interface ReferenceSources {
  repositories: {
    search: Pick<SearchRepository, 'countPhotos'>
    references: Pick<ReferenceRepository, 'find' | 'define' | 'compare'>
  }
  models: ModelCatalog
  /** Called before photos are compared with reference texts, which takes seconds. */
  onLearn?: (photos: number) => void
}

/**
 * Answers with `find`. Where the photos of a small collection are not compared with reference texts yet, compares them
 * once; a later change of the collection needs nothing, because whatever writes an embedding compares it.
 * @throws AppError REFERENCES_MISSING for a large collection, or one that cannot be written to
 */
export async function withReferences<T>(
  sources: ReferenceSources,
  model: SearchModel,
  signal: AbortSignal,
  find: () => Promise<T>,
): Promise<T> {
  try {
    return await find()
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'REFERENCES_MISSING')) throw error
    if (!(await learn(sources, model, signal))) throw error
    return find()
  }
}

/** @returns whether the photos are compared now */
async function learn(sources: ReferenceSources, model: SearchModel, signal: AbortSignal): Promise<boolean> {
  const { references, search } = sources.repositories
  const photos = await search.countPhotos(model.id)
  if (photos === 0 || photos > MOST_PHOTOS) return false
  try {
    sources.onLearn?.(photos)
    // Texts that a user has chosen, and that are not compared yet, go first.
    if ((await references.find(model.id)) === null) {
      const encoder = await encoderOf(sources.models, model, 'text', signal)
      const embeddings: Float32Array[] = []
      for (let first = 0; first < REFERENCE_TEXTS.length; first += AT_ONCE) {
        signal.throwIfAborted()
        embeddings.push(...(await encoder.encodeTexts(REFERENCE_TEXTS.slice(first, first + AT_ONCE))))
      }
      await references.define(model.id, { texts: REFERENCE_TEXTS, k: DEFAULT_K }, embeddings)
    }
    await references.compare(model.id, undefined, signal)
    return true
  } catch (error) {
    if (error instanceof AppError && CANNOT_LEARN.has(error.code)) return false
    throw error
  }
}
