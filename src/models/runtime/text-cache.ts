import { modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'

/** 2 MB at 512 dimensions. */
const CAPACITY = 1000

/**
 * Caches the embeddings of the most recently used texts, for all models of a process. A hit returns a copy at once. The
 * encoder embeds each text separately, so cached and computed embeddings are equal.
 */
export class TextCache {
  /** Texts by last use, oldest first. */
  readonly #embeddings = new Map<string, Promise<Float32Array>>()

  constructor(private readonly capacity = CAPACITY) {}

  get size(): number {
    return this.#embeddings.size
  }

  /** Returns the same encoder with its texts cached. */
  before(encoder: Encoder): Encoder {
    const model = `${modelKey(encoder.model)} ${encoder.model.revision}`
    return {
      model: encoder.model,
      input: encoder.input,
      hasTexts: encoder.hasTexts,
      get rewrites() {
        return encoder.rewrites
      },
      encodeImages: images => encoder.encodeImages(images),
      encodeTexts: texts => this.#encode(encoder, model, texts),
      close: () => encoder.close(),
    }
  }

  async #encode(encoder: Encoder, model: string, texts: readonly string[]): Promise<Float32Array[]> {
    const keys = texts.map(text => `${model}\n${text}`)
    const unknown = [...new Set(texts.filter((_, index) => !this.#embeddings.has(keys[index]!)))]
    const computed = unknown.length > 0 ? encoder.encodeTexts(unknown) : undefined
    for (const [index, text] of unknown.entries()) {
      const key = `${model}\n${text}`
      const embedding = computed!.then(embeddings => embeddings[index]!)
      this.#embeddings.set(key, embedding)
      embedding.catch(() => this.#forget(key, embedding))
    }
    // Reads all entries before evicting any: one call may have more texts than fit.
    const found = keys.map(key => this.#use(key))
    this.#shrink()
    return Promise.all(found.map(async embedding => (await embedding).slice()))
  }

  #use(key: string): Promise<Float32Array> {
    const embedding = this.#embeddings.get(key)!
    this.#embeddings.delete(key)
    this.#embeddings.set(key, embedding)
    return embedding
  }

  #shrink(): void {
    for (const key of this.#embeddings.keys()) {
      if (this.#embeddings.size <= this.capacity) return
      this.#embeddings.delete(key)
    }
  }

  /** Removes a failed embedding: the next attempt may succeed. */
  #forget(key: string, embedding: Promise<Float32Array>): void {
    if (this.#embeddings.get(key) === embedding) this.#embeddings.delete(key)
  }
}
