import type { Database } from '../../src/db/connection.js'
import { fromVectorText } from '../../src/db/vector.js'
import type { ModelId } from '../../src/domain/ports/repository.js'

const FIND = `
  select stored_prompt($1, normal_prompt(prompt))::text as embedding
    from unnest($2::text[]) with ordinality as wanted (prompt, position) order by position`

/** The stored embeddings of texts, in their order; null: not embedded. */
export async function storedPrompts(
  database: Database,
  modelId: ModelId,
  prompts: readonly string[],
): Promise<(Float32Array | null)[]> {
  const rows = await database.query<{ embedding: string | null }>(FIND, [modelId, prompts])
  return rows.map(({ embedding }) => (embedding === null ? null : fromVectorText(embedding)))
}

/** The SQL function `combine`. @param parts as JSON would have them; a vector as Float32Array, too. @returns [dimension] */
export async function combine(database: Database, modelId: ModelId, parts: readonly object[]): Promise<Float32Array> {
  const json = JSON.stringify(parts, (_, value) => (value instanceof Float32Array ? [...value] : value))
  const [row] = await database.query<{ embedding: string }>(
    'select combine($2, model => $1::integer::text)::text as embedding',
    [modelId, json],
  )
  return fromVectorText(row!.embedding)
}
