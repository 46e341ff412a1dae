import type { PromptRepository, StoredPrompt } from '../domain/ports/prompts.js'
import { encoderOf, type ModelCatalog, type SearchModel } from './search-model.js'

/** Prompts embedded and stored together: the most that an interruption loses. */
const AT_ONCE = 50
const PAGE_SIZE = 1000

export interface PromptSources {
  repositories: { prompts: PromptRepository }
  models: ModelCatalog
}

export interface AddedPrompt {
  prompt: string
  /** False: it was stored before. */
  added: boolean
}

/**
 * Embeds and stores prompts, so that SQL can search with them. Works in groups and can be stopped between two of them.
 * @returns the result of each group
 * @throws AppError USAGE for a prompt that is empty or longer than 2000 bytes
 */
export async function* addPrompts(
  { repositories: { prompts }, models }: PromptSources,
  model: SearchModel,
  texts: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<AddedPrompt[]> {
  const wanted = distinctPrompts(texts)
  for (let first = 0; first < wanted.length; first += AT_ONCE) {
    signal.throwIfAborted()
    const group = wanted.slice(first, first + AT_ONCE)
    const stored = await prompts.areStored(model.id, group)
    const missing = group.filter((_, i) => !stored[i])
    if (missing.length > 0) {
      const encoder = await encoderOf(models, model, 'text', signal)
      await prompts.save(model.id, missing, await encoder.encodeTexts(missing))
    }
    yield group.map((prompt, i) => ({ prompt, added: !stored[i] }))
  }
}

/** In their order. */
export async function* listPrompts(
  { repositories: { prompts } }: PromptSources,
  { id }: SearchModel,
): AsyncGenerator<StoredPrompt> {
  for await (const page of prompts.list(id, PAGE_SIZE)) yield* page
}

/** Blanks do not count; see `normal_prompt` in the database. */
export function distinctPrompts(texts: readonly string[]): string[] {
  return [...new Set(texts.map(text => text.replace(/\s+/g, ' ').trim()))]
}
