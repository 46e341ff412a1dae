import type { IndexKind } from '../domain/index-plan.js'
import type { Context } from './context.js'
import { modelToSearch } from './search-model.js'

/** The `index drop` command. @returns exit code */
export async function dropIndexes(context: Context, kind: IndexKind | undefined): Promise<number> {
  const { app, out } = context
  const { id } = await modelToSearch(context)
  const { indexes } = await app.repositories()
  const dropped: string[] = []
  for (const method of kind === undefined ? (['ivfflat', 'text', 'hnsw'] as const) : [kind])
    dropped.push(...(await indexes.drop(id, method)))
  out.result(
    { dropped },
    dropped.length === 0
      ? 'There was no index to drop.'
      : `Dropped ${dropped.join(' and ')}. What was answered with it is answered exactly.`,
  )
  return 0
}
