import type { ModelIdentity } from '../model.js'
import type { ModelId } from './repository.js'

export interface StoredPrompt {
  prompt: string
  createdAt: Date
}

/** A part of a combined query; each has unit length before it is weighted, and a negative weight turns away from it. */
export type QueryPart = { weight: number } & ({ prompt: string } | { photo: string } | { vector: Float32Array })

/**
 * Words that were embedded, by model. A prompt is kept with single blanks between its words and none at its ends, and found
 * however it is spaced. Rejects with AppError USAGE for one that is empty or longer than 2000 bytes.
 */
export interface PromptRepository {
  /** The embeddings of texts, kept as prompts or as those of labels, in their order; null: not embedded. */
  find(modelId: ModelId, prompts: readonly string[]): Promise<(Float32Array | null)[]>
  /** @param embeddings one a prompt, in order, unit length */
  save(modelId: ModelId, prompts: readonly string[], embeddings: readonly Float32Array[]): Promise<void>
  /** In the order of the prompts, as a stream of pages. */
  list(modelId: ModelId, pageSize: number): AsyncIterable<StoredPrompt[]>
  /** @returns those that were there */
  remove(modelId: ModelId, prompts: readonly string[]): Promise<string[]>
  /**
   * Rejects with AppError PROMPT_NOT_EMBEDDED, NOT_EMBEDDED (a photo), USAGE (a weight, or parts that cancel out).
   * @returns [dimension], unit length
   */
  combine(modelId: ModelId, parts: readonly QueryPart[]): Promise<Float32Array>
}

/** What somebody at psql asked workers to embed. */
export interface PromptRequest {
  id: number
  prompt: string
}

export type PromptAnswer = { id: number } & ({ embedding: Float32Array } | { problem: string })

/** Requests for embeddings. Promises: of several workers that claim, one gets a request; answering twice changes nothing. */
export interface PromptRequests {
  /** Takes what nobody answered, or took in the last minute, the oldest first. */
  claim(model: ModelIdentity, limit: number): Promise<PromptRequest[]>
  /** Stores embeddings as prompts, problems with their requests; forgets what is older than a day. */
  answer(answers: readonly PromptAnswer[]): Promise<void>
  /** For others to take at once. */
  release(ids: readonly number[]): Promise<void>
  /**
   * Calls back when something is asked for, and when nothing will be heard any more.
   * @returns ends it; null where notifications of other clients are not heard, as on the embedded server
   */
  listen(onRequest: () => void, onLost: () => void): Promise<(() => void) | null>
}
