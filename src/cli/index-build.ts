import { COMMON_NOUNS } from '../domain/common-nouns.js'
import { AppError } from '../domain/errors.js'
import { buildSeconds, type IndexKind, type IndexShape, indexBytes } from '../domain/index-plan.js'
import type { BuildEvent, IndexFacts } from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import { planResources, type WantedResources } from './build-resources.js'
import type { Context } from './context.js'
import { advise, shapeOf } from './index-advice.js'
import { openEncoder } from './model-files.js'
import { formatBytes, formatCount, formatDuration } from './output.js'
import { Progress } from './progress.js'
import { modelToSearch } from './search-model.js'
import { requireTextTower } from './text-tower.js'

/** Texts that shape an index for texts: more than a thousand gave hardly anything. */
const MOST_TEXTS = 1000

/** As the command line says it; what it leaves out is computed. */
export interface BuildWishes extends WantedResources {
  kind?: IndexKind
  lists?: number
  m?: number
  efConstruction?: number
  rebuild?: boolean
}

/** The `index build` command. @returns exit code */
export async function buildIndex(context: Context, wishes: BuildWishes): Promise<number> {
  const { app, out, signal } = context
  const { id } = await modelToSearch(context)
  const { indexes } = await app.repositories()
  const facts = await indexes.facts(id)
  const wanted = wantedShape(wishes, facts)
  if (wanted === null) {
    out.result(
      { built: false, reason: 'exact', photos: facts.photos, exactMs: facts.exactMs },
      facts.exactMs === null
        ? 'No photo is embedded with this model yet, so there is nothing to index.'
        : `Exact search takes ${facts.exactMs.toFixed(1)} ms here over ${formatCount(facts.photos)} photos: no index is needed, and none was built. To build one all the same: --kind ivfflat`,
    )
    return 0
  }
  const { shape, resources, explanation } = planResources(app, facts, {
    shape: wanted,
    isFixed: wishes.lists !== undefined,
    memory: wishes.memory,
    workers: wishes.workers,
  })
  for (const line of explanation) out.note(line)
  const seconds = buildSeconds(shape, facts.photos, facts.dimension, resources.workers)
  out.note(
    `Expected: about ${formatBytes(indexBytes(shape, facts.photos, facts.dimension))} on disk, roughly ${formatDuration(seconds)}. ${
      app.embedded
        ? 'The embedded server has one session: whatever else wants it waits until the index is built, and Ctrl-C works only then.'
        : 'Searches and ingests go on meanwhile. Ctrl-C ends the build and leaves nothing.'
    }`,
  )
  const progress = new Progress('index')
  const built = await indexes
    .build(id, shape, resources, {
      rebuild: wishes.rebuild ?? false,
      texts: shape.kind === 'text' ? await shapingTexts(context, id) : undefined,
      onEvent: event => tell(event, { out, progress }),
      signal,
    })
    .finally(() => progress.end())
  const state = (await indexes.indexes(id)).find(index => index.kind === shape.kind)!
  const took = progress.end()
  out.result(
    { built, index: state.name, ...shape, bytes: state.bytes, photos: facts.photos, seconds: took },
    built
      ? `Built ${state.name} over ${formatCount(facts.photos)} photos in ${formatDuration(took)}: ${formatBytes(state.bytes)}. Searches use it once it is tuned: unsplash-clip index tune`
      : `${state.name} is there already, of this shape and ready: ${formatBytes(state.bytes)}. To build it anew: --rebuild`,
  )
  return 0
}

/** Embeddings of many and different texts, for the directions in which they differ: prompts of this database, and common words. */
async function shapingTexts(context: Context, modelId: ModelId): Promise<Float32Array[]> {
  requireTextTower(context, 'have an index for texts', 'Build an index for searches by image: --kind ivfflat')
  const { indexes } = await context.app.repositories()
  const known = await indexes.samplePrompts(modelId, 'shaping', MOST_TEXTS, 1)
  const words = COMMON_NOUNS.slice(0, MOST_TEXTS - known.length)
  const encoder = await openEncoder(context, 'text')
  const progress = new Progress('index')
  progress.write(`index: embedding ${words.length} common words`)
  try {
    return [...known, ...(await encoder.encodeTexts(words))]
  } finally {
    progress.end()
  }
}

/** Null: no index is worth it. */
function wantedShape({ kind, lists, m, efConstruction }: BuildWishes, facts: IndexFacts): IndexShape | null {
  const wantedKind = kind ?? (lists !== undefined ? 'ivfflat' : undefined)
  if (lists !== undefined && wantedKind === 'hnsw')
    throw new AppError('USAGE', '--lists belongs to --kind ivfflat or text.')
  if ((m !== undefined || efConstruction !== undefined) && wantedKind !== 'hnsw')
    throw new AppError('USAGE', '--m and --ef-construction belong to --kind hnsw: add that.')
  if (facts.photos === 0) return null
  const advised = advise(facts)
  if (wantedKind === undefined && advised.method === 'exact') return null
  const shape = shapeOf(wantedKind ?? 'ivfflat', facts.photos)
  if (shape.kind !== 'hnsw') return { ...shape, lists: lists ?? shape.lists }
  const wanted = {
    ...shape,
    m: m ?? shape.m,
    efConstruction: efConstruction ?? Math.max(shape.efConstruction, 2 * (m ?? 0)),
  }
  if (wanted.efConstruction < 2 * wanted.m)
    throw new AppError(
      'USAGE',
      `--ef-construction must be at least twice --m (${2 * wanted.m}), found ${wanted.efConstruction}`,
    )
  return wanted
}

function tell(event: BuildEvent, { out, progress }: { out: Context['out']; progress: Progress }): void {
  if (event.kind === 'removed')
    out.note(`Removed ${event.index}, which an interrupted build had left and is of no use.`)
  else if (event.kind === 'adopted')
    out.note(`A build whose command had ended went on and is complete: it becomes ${event.index}.`)
  else
    progress.write(
      [
        `index: ${event.phase}`,
        event.percent === null ? null : `${event.percent.toFixed(0)} % of this phase`,
        event.waitsFor === null ? null : `waits for server process ${event.waitsFor} to end its transaction`,
      ]
        .filter(part => part !== null)
        .join(', '),
    )
}
