import { modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'

/** 2 MB with 512 dimensions. */
const CAPACITY = 1000

/**
 * Remembers the embeddings of the texts that were asked for last, of all models of a process: whoever asks again gets a copy
 * at once. A text is embedded alone, so what is remembered is what would be computed.
 */
export class TextCache {
  /** Texts in the order of their last use, the oldest first. */
  readonly #embeddings = new Map<string, Promise<Float32Array>>()

  constructor(private readonly capacity = CAPACITY) {}

  get size(): number {
    return this.#embeddings.size
  }

  /** The same encoder, whose texts go through the cache. */
  before(encoder: Encoder): Encoder {
    const model = `${modelKey(encoder.model)} ${encoder.model.revision}`
    return {
      model: encoder.model,
      input: encoder.input,
      hasTexts: encoder.hasTexts,
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
    // All are taken before some may have to go: more texts may be asked for at once than fit.
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

  /** What failed may succeed the next time. */
  #forget(key: string, embedding: Promise<Float32Array>): void {
    if (this.#embeddings.get(key) === embedding) this.#embeddings.delete(key)
  }
}
