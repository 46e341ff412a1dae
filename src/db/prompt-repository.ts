import type { PromptRepository, QueryPart, StoredPrompt } from '../domain/ports/prompts.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { pagesById } from './pages.js'
import { storable } from './photo-rows.js'
import { fromVectorText, toVectorText } from './vector.js'

const FIND = `
  select stored_prompt($1, normal_prompt(prompt))::text as embedding
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

const COMBINE = 'select combine($2, model => $1::integer::text)::text as embedding'

/** PromptRepository on Postgres: a thin layer over the SQL functions, which check what they are given. */
export class PostgresPromptRepository implements PromptRepository {
  constructor(private readonly database: Database) {}

  async find(modelId: ModelId, prompts: readonly string[]): Promise<(Float32Array | null)[]> {
    const rows = await this.database.query<{ embedding: string | null }>(FIND, [modelId, prompts.map(storable)])
    return rows.map(({ embedding }) => (embedding === null ? null : fromVectorText(embedding)))
  }

  async save(modelId: ModelId, prompts: readonly string[], embeddings: readonly Float32Array[]): Promise<void> {
    if (embeddings.length !== prompts.length)
      throw new RangeError(`${prompts.length} embeddings expected, one a prompt, found ${embeddings.length}`)
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

  async combine(modelId: ModelId, parts: readonly QueryPart[]): Promise<Float32Array> {
    const json = JSON.stringify(parts, (_, value) => jsonValue(value))
    const [row] = await this.database.query<{ embedding: string }>(COMBINE, [modelId, json])
    return fromVectorText(row!.embedding)
  }
}

/** Half a surrogate pair becomes U+FFFD, as the driver makes of it in a parameter; jsonb would refuse it. */
function jsonValue(value: unknown): unknown {
  if (value instanceof Float32Array) return [...value]
  return typeof value === 'string' ? Buffer.from(storable(value)).toString() : value
}
