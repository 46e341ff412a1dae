import { AppError, type CommandFailureCode } from '../domain/errors.js'
import type { PromptRepository, QueryPart } from '../domain/ports/prompts.js'
import type { WeightedSubject } from './query.js'
import { type ImageLimits, prepareImage, type QueryImage } from './query-image.js'
import { encoderOf, type ModelCatalog, type SearchModel } from './search-model.js'

/** Failures of a write after which the search goes on without having stored its words. */
const CANNOT_WRITE: ReadonlySet<CommandFailureCode> = new Set(['DATABASE_FORBIDDEN', 'DATABASE_UNAVAILABLE'])

export interface EmbeddingSources {
  repositories: { prompts: PromptRepository }
  models: ModelCatalog
  images: ImageLimits
  /** Whether new words of a combination become stored prompts. Default: true. */
  storesWords?: boolean
}

/** Embeds the parts of a query that the database has no embedding of, for one model and one request. */
export class QueryEmbedder {
  constructor(
    private readonly sources: EmbeddingSources,
    private readonly model: SearchModel,
    private readonly signal: AbortSignal,
  ) {}

  /** The embedding of words; null when it is stored, so that SQL finds it by the words. @returns [dimension] */
  async newWords(words: string): Promise<Float32Array | null> {
    const [isStored] = await this.#areStored([words])
    return isStored ? null : (await this.encodeTexts([words]))[0]!
  }

  /** @returns [dimension] @throws AppError INPUT_INVALID */
  async image(image: QueryImage): Promise<Float32Array> {
    const encoder = await encoderOf(this.sources.models, this.model, 'image', this.signal)
    return (await encoder.encodeImages([await prepareImage(image, encoder.input, this.sources.images)]))[0]!
  }

  /** The parts of a combination as SQL takes them: photos and stored words by name, everything else as a vector. */
  async parts(wanted: readonly WeightedSubject[]): Promise<QueryPart[]> {
    const words = wanted.flatMap(part => ('words' in part ? [part.words] : []))
    const unstored = await this.#storeWords(words)
    const parts: QueryPart[] = []
    for (const part of wanted) {
      this.signal.throwIfAborted()
      const { weight } = part
      if ('photo' in part) parts.push({ photo: part.photo, weight })
      else if ('vector' in part) parts.push({ vector: part.vector, weight })
      else if ('image' in part) parts.push({ vector: await this.image(part.image), weight })
      else {
        const vector = unstored.get(part.words)
        parts.push(vector ? { vector, weight } : { prompt: part.words, weight })
      }
    }
    return parts
  }

  /**
   * Stores new words as prompts. @returns the embeddings that could not be stored: a reader may not write, and nobody
   * can while the database is read-only
   */
  async #storeWords(words: readonly string[]): Promise<Map<string, Float32Array>> {
    if (words.length === 0) return new Map()
    const { prompts } = this.sources.repositories
    const stored = await this.#areStored(words)
    const missing = [...new Set(words.filter((_, i) => !stored[i]))]
    if (missing.length === 0) return new Map()
    const embeddings = await this.encodeTexts(missing)
    const unstored = new Map(missing.map((text, i) => [text, embeddings[i]!]))
    if (this.sources.storesWords === false) return unstored
    try {
      await prompts.save(this.model.id, missing, embeddings)
      return new Map()
    } catch (error) {
      if (!(error instanceof AppError && CANNOT_WRITE.has(error.code))) throw error
      return unstored
    }
  }

  async #areStored(words: readonly string[]): Promise<readonly boolean[]> {
    const known = words.map(text => this.model.stored?.get(text))
    if (known.every(isStored => isStored !== undefined)) return known
    return this.sources.repositories.prompts.areStored(this.model.id, words)
  }

  /** @returns one embedding per text, [dimension] */
  async encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return (await encoderOf(this.sources.models, this.model, 'text', this.signal)).encodeTexts(texts)
  }
}
