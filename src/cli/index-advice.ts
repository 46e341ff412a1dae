import type { App } from '../compose.js'
import {
  buildSeconds,
  describeShape,
  type IndexKind,
  type IndexShape,
  indexBytes,
  listsFor,
} from '../domain/index-plan.js'
import type { IndexFacts } from '../domain/ports/index-repository.js'
import { planResources, type ResourcePlan } from './build-resources.js'
import type { Context } from './context.js'
import { formatBytes, formatCount, formatDuration } from './output.js'
import { modelToSearch } from './search-model.js'
import { hasTextTower } from './text-tower.js'

/** An exact search that takes no longer is not worth an index: the rest of a search, from the command line or a page, takes as long. */
const GOOD_MS = 25
/** pgvector's defaults; m = 32 finds texts a little better and takes a quarter more memory. */
const HNSW: IndexShape = { kind: 'hnsw', m: 16, efConstruction: 64 }

export interface Advice {
  /** What to search with: `exact` needs no index. */
  method: 'exact' | 'index'
  /** So many photos an exact search looks at within {@link GOOD_MS}, at the pace it has here. */
  exactUpTo: number | null
}

/** What to do for so many photos. */
export function advise({ photos, exactMs }: Pick<IndexFacts, 'photos' | 'exactMs'>): Advice {
  const exactUpTo = exactMs === null ? null : Math.round((photos * GOOD_MS) / Math.max(exactMs, 0.01))
  return {
    method: exactUpTo === null || photos <= exactUpTo ? 'exact' : 'index',
    exactUpTo,
  }
}

/** The shape of a kind of index where nothing more is said. */
export function shapeOf(kind: IndexKind, photos: number): IndexShape {
  return kind === 'hnsw' ? HNSW : { kind, lists: listsFor(photos) }
}

/** The `index advise` command. @returns exit code */
export async function adviseIndex(context: Context): Promise<number> {
  const { app, out } = context
  const { id } = await modelToSearch(context)
  const { indexes } = await app.repositories()
  const facts = await indexes.facts(id)
  const advice = advise(facts)
  const [ivfflat, text, hnsw] = (['ivfflat', 'text', 'hnsw'] as const).map(kind =>
    planOf(app, facts, shapeOf(kind, facts.photos)),
  ) as [Prediction, Prediction, Prediction]
  const hasWords = hasTextTower(context)
  out.result(
    {
      ...facts,
      advice: advice.method,
      exactUpTo: advice.exactUpTo,
      ivfflat: ivfflat.object,
      text: hasWords ? text.object : null,
      hnsw: hnsw.object,
    },
    [
      ...paragraphs(facts, advice),
      '',
      ...(hasWords ? [text.line] : []),
      ivfflat.line,
      hnsw.line,
      '',
      ...commands(advice, hasWords),
    ].join('\n'),
  )
  return 0
}

function paragraphs({ photos, exactMs }: IndexFacts, { method, exactUpTo }: Advice): string[] {
  if (exactMs === null) return ['No photo is embedded with this model yet, so there is nothing to index.']
  const exact = `Exact search takes ${exactMs.toFixed(exactMs < 10 ? 1 : 0)} ms here over ${formatCount(photos)} photos, and finds everything.`
  if (method === 'exact')
    return [
      `${exact} No index is needed; at this pace exact search pays up to about ${formatCount(rounded(exactUpTo!))} photos.`,
    ]
  return [
    `${exact} It pays up to about ${formatCount(rounded(exactUpTo!))} photos; you have more, so build an index for each kind of query.`,
    'Words are embedded apart from images: the photos that fit a text are spread over all lists and corners of an index that groups',
    'photos by how alike they are. The text index groups them by what texts they answer. For searches by image ivfflat does, and hnsw',
    'is faster but slow to build. "index tune" takes for each kind of query what is fastest at the recall that is wanted.',
  ]
}

function commands({ method }: Advice, hasWords: boolean): string[] {
  if (method === 'exact') return ['Ask again when the photos have doubled:  unsplash-clip index advise']
  return [
    ...(hasWords ? ['unsplash-clip index build --kind text'] : []),
    'unsplash-clip index build --kind ivfflat',
    'unsplash-clip index tune',
  ]
}

interface Prediction {
  object: object
  line: string
}

function planOf(app: App, facts: IndexFacts, wanted: IndexShape): Prediction {
  const { shape, resources }: ResourcePlan = planResources(app, facts, { shape: wanted, isFixed: false })
  const bytes = indexBytes(shape, facts.photos, facts.dimension)
  const seconds = buildSeconds(shape, facts.photos, facts.dimension, resources.workers)
  return {
    object: { ...shape, bytes, memory: Math.round(resources.memory), workers: resources.workers, seconds },
    line: `${describeShape(shape)}: about ${formatBytes(bytes)} on disk, ${formatBytes(resources.memory)} of memory to build, in roughly ${formatDuration(seconds)}`,
  }
}

/** 12,345 → 12,000: of a guess no more than two digits are said. */
function rounded(value: number): number {
  return Number(value.toPrecision(2))
}
