// The producer of the rehearsal: what `ingest TABLE --url-template … --no-store --wait` does, with the stand-in model.
// Parameters: TABLE TEMPLATE. Prints lines of JSON: progress, and at the end the summary. It ends with its stdin.
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { createRun, ingest } from '../../dist/producers/ingest.js'
import { openInput } from '../../dist/producers/input/open-input.js'
import { LABEL_SETS, MODEL } from './stand-in.mjs'

const EVERY_MS = 5000

const [table, urlTemplate] = process.argv.slice(2)
const app = compose(readConfig(process.env))
const stop = new AbortController()
process.stdin.on('end', () => stop.abort()).resume()
process.once('SIGTERM', () => stop.abort())
const tell = object => console.log(JSON.stringify(object))
const sometimes = (() => {
  let last = 0
  return object => {
    if (performance.now() - last < EVERY_MS) return
    last = performance.now()
    tell(object)
  }
})()
const source = await openInput([table])
try {
  const { ingest: repository, runs, places } = await app.repositories()
  await app.database.keepAlive()
  const queue = await app.servingQueue()
  const { PHOTOS_PER_JOB: photosPerJob, MAX_WAITING_BATCHES: maxWaiting } = app.config
  const plan = {
    subject: { kind: 'input', source, selection: {}, onlyMissing: false },
    model: MODEL,
    labelSets: LABEL_SETS,
    priority: 'normal',
    ...{ photosPerJob, maxWaiting, store: false, urlTemplate, options: {} },
  }
  const deps = { repository, runs, places, queue }
  const run = await createRun(deps, plan, { signal: stop.signal })
  const { summary, end } = await ingest(deps, run, {
    workers: null,
    follow: true,
    signal: stop.signal,
    onProgress: ({ photos }) => sometimes({ queued: photos }),
    onEnqueued: ({ photos }) => tell({ enqueued: photos }),
    onRunProgress: ({ run: { done, failed } }) => sometimes({ done, failed }),
  })
  tell({ photos: summary.photos, badRows: summary.badRows, failed: end.failed })
} finally {
  await source.close()
  await app.close()
}
process.exit()
