import type { EvaluationRepository } from '../domain/ports/analysis/evaluations.js'
import type { Encoder } from '../domain/ports/encoder.js'
import { requireTextTower } from '../domain/text-tower.js'
import type { SearchModel } from '../search/search-model.js'

/** Texts that are embedded or looked up together. */
const AT_ONCE = 50

export interface TextSources {
  evaluations: Pick<EvaluationRepository, 'storedVectors'>
  /** Opens the text tower of a model; called only for texts whose embedding is not stored. */
  textEncoder: (model: SearchModel) => Promise<Encoder>
}

/** The embeddings of the queries of one model. Memory: 4 bytes per number. */
export interface QueryVectors {
  /** [dimension] each, in the order of the queries. */
  vectors: Float32Array[]
  /** How many of them were stored. */
  stored: number
}

/**
 * Embeds queries: those that are stored as prompts need no model file. Stores nothing.
 * @throws AppError MODEL_WITHOUT_TEXT, MODEL_UNKNOWN, NOT_EMBEDDED for a model that cannot embed what is not stored
 */
export async function queryVectors(
  { evaluations, textEncoder }: TextSources,
  model: SearchModel,
  queries: readonly string[],
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<QueryVectors> {
  const vectors: Float32Array[] = []
  let stored = 0
  for (let from = 0; from < queries.length; from += AT_ONCE) {
    signal.throwIfAborted()
    const texts = queries.slice(from, from + AT_ONCE)
    const found = await evaluations.storedVectors(model.id, texts)
    const missing = texts.filter((_, i) => found[i] === null)
    stored += texts.length - missing.length
    const embedded = missing.length > 0 ? await embed(model, missing, textEncoder) : []
    let next = 0
    vectors.push(...found.map(vector => vector ?? embedded[next++]!))
    onProgress(vectors.length)
  }
  return { vectors, stored }
}

async function embed(
  model: SearchModel,
  texts: readonly string[],
  textEncoder: TextSources['textEncoder'],
): Promise<Float32Array[]> {
  requireTextTower(
    model.spec,
    `embed ${JSON.stringify(texts[0])}, which is not among its stored prompts`,
    'Name a model with a text tower: --model NAME, or model=NAME in --variant.',
  )
  return (await textEncoder(model)).encodeTexts(texts)
}
