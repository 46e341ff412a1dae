import { AppError } from '../domain/errors.js'
import type { HybridHit, HybridOptions } from '../domain/ports/hybrid.js'
import type { Hit, SearchOptions } from '../domain/ports/search.js'
import type { Context } from './context.js'
import type { modelToSearch } from './search-model.js'
import type { Query } from './search-query.js'
import { embedImage, embedParts, embedWords } from './search-vectors.js'
import { requireTextTower } from './text-tower.js'

/** Photos that hybrid search takes from each of its lists, at least. */
const HYBRID_DEPTH = 200

export type Model = Awaited<ReturnType<typeof modelToSearch>>

/** The photos nearest to a query. The ones that it is combined of are left out. */
export async function findHits(context: Context, model: Model, query: Query, wanted: SearchOptions): Promise<Hit[]> {
  if (query.kind === 'text' || (query.kind === 'combined' && query.parts.some(part => 'words' in part)))
    requireText(context)
  const { search: repository, prompts } = await context.app.repositories()
  switch (query.kind) {
    case 'photo':
      return repository.similar(model.id, query.value, wanted)
    case 'image':
      return repository.search(model.id, await embedImage(context, query.value), { ...wanted, kind: 'image' })
    case 'text':
      return repository.search(model.id, await embedWords(context, model.id, query.value), { ...wanted, kind: 'text' })
    case 'combined': {
      const { parts } = query
      const vector = await prompts.combine(model.id, await embedParts(context, model.id, parts))
      const photos = parts.flatMap(part => ('photo' in part ? [part.photo] : []))
      const where = [...(wanted.where ?? []), ...(photos.length > 0 ? [{ not_photos: photos }] : [])]
      const kind = parts.some(part => 'words' in part) ? 'text' : 'image'
      return repository.search(model.id, vector, { ...wanted, where, kind })
    }
  }
}

/**
 * By meaning and by words at once.
 * @throws AppError USAGE for a query that is not of words alone
 */
export async function findHybridHits(
  context: Context,
  model: Model,
  query: Query,
  wanted: HybridOptions & Pick<SearchOptions, 'after'>,
): Promise<HybridHit[]> {
  const { after, ...options } = wanted
  if (query.kind !== 'text') throw new AppError('USAGE', `--hybrid looks for words; found ${query.title}`)
  if (after !== undefined) throw new AppError('USAGE', 'the pages of --hybrid go by --offset; found --after')
  const byVector = options.vectorWeight !== 0
  if (byVector) requireText(context)
  const { hybrid } = await context.app.repositories()
  const vector = byVector ? await embedWords(context, model.id, query.value) : null
  const depth = Math.max(HYBRID_DEPTH, (options.offset ?? 0) + options.k)
  return hybrid.search(model.id, query.value, vector, { ...options, depth })
}

function requireText(context: Context): void {
  requireTextTower(
    context,
    'look for words',
    'Search with --image FILE|URL or --photo ID, or name a model with a text tower that the photos are ingested with: --model NAME.',
  )
}
