import { AppError } from '../domain/errors.js'
import type { QueryPart } from '../domain/ports/prompts.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Context } from './context.js'
import { openEncoder } from './model-files.js'
import { loadQueryImage } from './query-image.js'
import type { WantedPart } from './search-query.js'

/** The embedding of words; the model is not even loaded when it is stored. @returns [dimension] */
export async function embedWords(context: Context, modelId: ModelId, words: string): Promise<Float32Array> {
  const { prompts } = await context.app.repositories()
  const [stored] = await prompts.find(modelId, [words])
  return stored ?? (await encodeWords(context, [words]))[0]!
}

/** @returns [dimension] */
export async function embedImage(context: Context, fileOrUrl: string): Promise<Float32Array> {
  const encoder = await openEncoder(context, 'image')
  return (await encoder.encodeImages([await loadQueryImage(context, fileOrUrl, encoder.input)]))[0]!
}

/** Parts with everything embedded that the database does not know; words that are new are stored for the next time. */
export async function embedParts(
  context: Context,
  modelId: ModelId,
  wanted: readonly WantedPart[],
): Promise<QueryPart[]> {
  const vectors = await embedAll(
    context,
    modelId,
    wanted.flatMap(part => ('words' in part ? [part.words] : [])),
  )
  const parts: QueryPart[] = []
  for (const part of wanted) {
    const { weight } = part
    if ('photo' in part) parts.push({ photo: part.photo, weight })
    else if ('words' in part) parts.push({ vector: vectors.get(part.words)!, weight })
    else parts.push({ vector: await embedImage(context, part.image), weight })
  }
  return parts
}

async function embedAll(
  context: Context,
  modelId: ModelId,
  words: readonly string[],
): Promise<Map<string, Float32Array>> {
  const { prompts } = await context.app.repositories()
  const found = await prompts.find(modelId, words)
  const vectors = new Map(words.flatMap((text, i) => (found[i] === null ? [] : [[text, found[i]!]])))
  const missing = [...new Set(words.filter(text => !vectors.has(text)))]
  if (missing.length === 0) return vectors
  const embeddings = await encodeWords(context, missing)
  for (const [i, text] of missing.entries()) vectors.set(text, embeddings[i]!)
  await prompts.save(modelId, missing, embeddings).catch((error: unknown) => {
    // Whoever may only read searches all the same.
    if (!(error instanceof AppError && error.code === 'DATABASE_FORBIDDEN')) throw error
  })
  return vectors
}

async function encodeWords(context: Context, words: readonly string[]): Promise<Float32Array[]> {
  return (await openEncoder(context, 'text')).encodeTexts(words)
}
