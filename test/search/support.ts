import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelMarkRepository } from '../../src/db/label-mark-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresModelRepository } from '../../src/db/model-repository.js'
import { PostgresReferenceRepository } from '../../src/db/references/reference-repository.js'
import { PostgresPromptRepository } from '../../src/db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../../src/db/search/search-repository.js'
import { AppError } from '../../src/domain/errors.js'
import { clipInput } from '../../src/domain/image-input.js'
import { type ModelIdentity, modelKey } from '../../src/domain/model.js'
import type { Encoder } from '../../src/domain/ports/encoder.js'
import { normalise } from '../../src/domain/similarity.js'
import type { SearchParts } from '../../src/search/photo-search.js'
import { aModel } from '../db/factories.js'

export const NIGHT = Float32Array.of(1, 0, 0, 0)
export const DOG = Float32Array.of(0, 1, 0, 0)
export const SNOW = Float32Array.of(0, 0, 1, 0)

const WORDS: Record<string, Float32Array> = { 'at night': NIGHT, 'a dog': DOG, snow: SNOW }

/** Knows three texts, and sees the mean colour of images. Keeps the texts that it was given. */
export class TinyEncoder implements Encoder {
  readonly input = clipInput(2)
  readonly hasTexts = true
  readonly texts: string[] = []

  constructor(readonly model: ModelIdentity) {}

  async encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    this.texts.push(...texts)
    return texts.map(text => (Object.hasOwn(WORDS, text) ? WORDS[text]! : normalise([1, 1, 1, text.length])))
  }

  async encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    return images.map(image => {
      const sums = [0, 0, 0, 0]
      for (const [i, value] of image.entries()) sums[i % 3]! += value
      return normalise(sums)
    })
  }

  async close(): Promise<void> {}
}

export interface TinyInstallation {
  parts: SearchParts
  encoder: TinyEncoder
}

/** What the query module needs, over a database: a model with a text tower, and `images`, which has none. */
export function tinyInstallation(database: Database, changes: Partial<ModelIdentity> = {}): TinyInstallation {
  const identity = aModel(changes)
  const encoder = new TinyEncoder(identity)
  const input = clipInput(2)
  const known = [
    { name: identity.name, precision: identity.precision, input, text: {} },
    { name: 'images', precision: 'fp32', input },
  ]
  const resolve = (key: string) => {
    const found = known.find(model => modelKey(model) === key || model.name === key)
    if (!found) throw new AppError('MODEL_UNKNOWN', `Expected a known model, found ${key}`)
    return found
  }
  return {
    encoder,
    parts: {
      repositories: {
        search: new PostgresSearchRepository(database),
        references: new PostgresReferenceRepository(database),
        prompts: new PostgresPromptRepository(database),
        labels: new PostgresLabelRepository(database),
        labelMarks: new PostgresLabelMarkRepository(database),
        ingest: new PostgresIngestRepository(database),
        models: new PostgresModelRepository(database),
      },
      models: {
        resolve,
        identify: async key => ({ ...identity, name: resolve(key).name }),
        encoder: async () => encoder,
      },
      defaultModel: modelKey(identity),
      images: { maxPixels: 1_000_000, mode: 'exact' },
    },
  }
}
