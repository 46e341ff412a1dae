import type { PromptRepository, StoredPrompt } from '../../domain/ports/prompts.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database } from '../connection.js'
import { storable } from '../ingest/photo-rows.js'
import { pagesById } from '../keyset-pages.js'
import { toVectorText } from '../vector.js'

const ARE_STORED = `
  select stored_prompt($1, normal_prompt(prompt)) is not null as stored
    from unnest($2::text[]) with ordinality as wanted (prompt, position) order by position`

const SAVE = `
  insert into prompt_embeddings (model_id, prompt, embedding)
  select distinct on (1, 2) $1::integer, normal_prompt(prompt), vector_text::vector
    from unnest($2::text[], $3::text[]) as new (prompt, vector_text)
  on conflict (model_id, prompt) do nothing`

const LIST = `
  select prompt as id, created_at as "createdAt" from prompt_embeddings
   where model_id = $1 and prompt > $2 order by prompt limit $3`

const REMOVE = `
  delete from prompt_embeddings where model_id = $1 and prompt in (select normal_prompt(unnest($2::text[])))
  returning prompt`

/** PromptRepository on Postgres: a thin layer over the SQL functions, which check their arguments. */
export class PostgresPromptRepository implements PromptRepository {
  constructor(private readonly database: Database) {}

  async areStored(modelId: ModelId, prompts: readonly string[]): Promise<boolean[]> {
    const rows = await this.database.query<{ stored: boolean }>(ARE_STORED, [modelId, prompts.map(storable)])
    return rows.map(({ stored }) => stored)
  }

  async save(modelId: ModelId, prompts: readonly string[], embeddings: readonly Float32Array[]): Promise<void> {
    if (embeddings.length !== prompts.length)
      throw new RangeError(`expected ${prompts.length} embeddings, one per prompt, found ${embeddings.length}`)
    await this.database.query(SAVE, [modelId, prompts.map(storable), embeddings.map(toVectorText)])
  }

  async *list(modelId: ModelId, pageSize: number): AsyncGenerator<StoredPrompt[]> {
    const fetch = (after: string) =>
      this.database.query<{ id: string; createdAt: Date }>(LIST, [modelId, after, pageSize])
    for await (const page of pagesById(fetch, pageSize))
      yield page.map(({ id, createdAt }) => ({ prompt: id, createdAt }))
  }

  async remove(modelId: ModelId, prompts: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ prompt: string }>(REMOVE, [modelId, prompts.map(storable)])
    return rows.map(({ prompt }) => prompt)
  }
}
