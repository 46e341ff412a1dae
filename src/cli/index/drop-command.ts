import type { IndexMethod } from '../../domain/indexes/index-plan.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'

/** The `index drop` command. @returns exit code */
export async function dropIndexes(context: Context, kind: IndexMethod | undefined): Promise<number> {
  const { app, out } = context
  const { id } = await chooseModel(context)
  const { indexes } = await app.repositories()
  const dropped: string[] = []
  for (const method of kind === undefined ? (['ivfflat', 'hnsw'] as const) : [kind])
    dropped.push(...(await indexes.drop(id, method)))
  out.result(
    { dropped },
    dropped.length === 0
      ? 'No index exists, so none was dropped.'
      : `Dropped ${dropped.join(' and ')}. Searches are exact again.`,
  )
  return 0
}
