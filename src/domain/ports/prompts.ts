import type { ModelIdentity } from '../model.js'
import type { ModelId } from './repository.js'

export interface StoredPrompt {
  prompt: string
  createdAt: Date
}

/** One part of a combined query: scaled to unit length, then weighted. A negative weight turns away from it. */
export type QueryPart = { weight: number } & ({ prompt: string } | { photo: string } | { vector: Float32Array })

/**
 * Embedded words, by model. A prompt is stored with single blanks between its words and none at its ends, and found
 * whatever its blanks. Rejects with AppError USAGE for a prompt that is empty or longer than 2000 bytes.
 */
export interface PromptRepository {
  /** Whether the embedding of each text is stored, as a prompt or as that of a label; in the order of the texts. */
  areStored(modelId: ModelId, prompts: readonly string[]): Promise<boolean[]>
  /** @param embeddings one per prompt, in order, unit length */
  save(modelId: ModelId, prompts: readonly string[], embeddings: readonly Float32Array[]): Promise<void>
  /** In the order of the prompts, as a stream of pages. */
  list(modelId: ModelId, pageSize: number): AsyncIterable<StoredPrompt[]>
  /** @returns the prompts that were stored, in normal form */
  remove(modelId: ModelId, prompts: readonly string[]): Promise<string[]>
}

/** A prompt that a user of psql asked workers to embed. */
export interface PromptRequest {
  id: number
  prompt: string
}

export type PromptAnswer = { id: number } & ({ embedding: Float32Array } | { problem: string })

/** Requests for embeddings. Promises: only one of several workers gets a request; answering twice changes nothing. */
export interface PromptRequests {
  /** Takes what nobody answered, or took in the last minute, the oldest first. */
  claim(model: ModelIdentity, limit: number): Promise<PromptRequest[]>
  /** Stores embeddings as prompts, and problems with their requests; deletes requests older than a day. */
  answer(answers: readonly PromptAnswer[]): Promise<void>
  /** For others to take at once. */
  release(ids: readonly number[]): Promise<void>
  /**
   * Calls back when something is asked for, and when nothing will be heard any more.
   * @returns ends it; null where notifications of other clients are not heard, as on the embedded server
   */
  listen(onRequest: () => void, onLost: () => void): Promise<(() => void) | null>
}
