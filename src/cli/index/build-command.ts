import type { IndexFacts } from '../../domain/ports/index-repository.js'
import { formatBytes, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { buildIndex, type IndexBuildOptions, type IndexRequest, planIndex } from '../../indexing/build-index.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'
import { Progress } from '../print/progress.js'
import { databasePlace } from './database-place.js'
import { describeExact, NOTHING_TO_INDEX } from './show-advice.js'

export interface BuildOptions extends IndexRequest {
  rebuild?: boolean
}

/** The `index build` command. @returns exit code */
export async function build(context: Context, options: BuildOptions): Promise<number> {
  const { app, out, signal } = context
  const model = await chooseModel(context)
  const { indexes } = await app.repositories()
  const facts = await indexes.facts(model.id)
  const plan = planIndex(databasePlace(app), facts, options)
  if (plan === null) {
    out.result({ built: false, reason: 'exact', photos: facts.photos }, whyNone(facts))
    return 0
  }
  for (const line of plan.explanation) out.note(line)
  out.note(
    `Expected: about ${formatBytes(plan.bytes)} on disk, roughly ${formatDuration(plan.seconds)}. ${
      app.database.embedded
        ? 'The embedded server has one session: other commands wait until the index is built, and Ctrl-C works only then.'
        : 'Searches and ingestion continue during the build. Ctrl-C ends the build and leaves nothing.'
    }`,
  )
  const progress = new Progress('index')
  const { built, index } = await buildIndex(indexes, model.id, plan, {
    rebuild: options.rebuild ?? false,
    onEvent: event => tell(event, { out, progress }),
    signal,
  }).finally(() => progress.end())
  const seconds = progress.end()
  out.result(
    { built, index: index.name, ...plan.shape, bytes: index.bytes, photos: facts.photos, seconds },
    built
      ? `Built ${index.name} over ${formatQuantity(facts.photos, 'photo')} in ${formatDuration(seconds)}: ${formatBytes(index.bytes)}. Searches use it once it is tuned: unsplash-clip index tune`
      : `${index.name} with this shape exists already and is ready: ${formatBytes(index.bytes)}. To build it again: --rebuild`,
  )
  return 0
}

function whyNone(facts: IndexFacts): string {
  if (facts.photos === 0) return NOTHING_TO_INDEX
  return `${describeExact(facts)} No index is needed, and none was built. To build one anyway: --kind ivfflat`
}

function tell(
  event: Parameters<IndexBuildOptions['onEvent']>[0],
  { out, progress }: { out: Context['out']; progress: Progress },
): void {
  if (event.kind === 'removed') out.note(`Removed ${event.index}, the unusable leftover of an interrupted build.`)
  else if (event.kind === 'adopted')
    out.note(`A build continued after its command had ended, and is complete. It becomes ${event.index}.`)
  else {
    const percent = event.percent === null ? '' : `, ${event.percent.toFixed(0)} % of this phase`
    const waits = event.waitsFor === null ? '' : `, waits for server process ${event.waitsFor} to end its transaction`
    progress.write(`index: ${event.phase}${percent}${waits}`)
  }
}
