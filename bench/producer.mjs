// Streams a table of a million rows through the producer and prints rows per second and the peak of the memory.
//
//   npm run build && node bench/producer.mjs [--rows 1000000] [--sample 5000] [--into-queue] [--keep FILE]
//
// Without --into-queue nothing is needed but disk (450 MB in the temporary folder): a dry run. With it, the photos and
// batches go where DATABASE_URL and REDIS_URL point, or into the embedded database; use an empty one. The last line of
// stdout is the result as JSON; the exit code is 1 when the memory passes 300 MB.
import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dryRun, enqueue } from '../dist/src/producers/enqueue.js'
import { openInput } from '../dist/src/producers/open-input.js'

const MAX_RSS_MB = 300
const BATCH_SIZE = 64

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    sample: { type: 'string' },
    'into-queue': { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
})
const selection = options.sample === undefined ? {} : { sample: Number(options.sample), seed: 1 }
const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-bench-'))
try {
  const file = options.keep ?? join(folder, 'photos.tsv000')
  // In a process of its own, so that its memory does not count.
  if (!existsSync(file))
    execFileSync(process.execPath, [fileURLToPath(new URL('photo-table.mjs', import.meta.url)), file, options.rows])
  report(await (options['into-queue'] ? measureIntoQueue(file) : measureDryRun(file)))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measureDryRun(file) {
  const source = await openInput(file)
  const start = performance.now()
  const summary = await dryRun(source, { selection, batchSize: BATCH_SIZE })
  const seconds = (performance.now() - start) / 1000
  await source.close()
  return { mode: 'dry run', summary, seconds, bytes: statSync(file).size }
}

async function measureIntoQueue(file) {
  const { compose } = await import('../dist/src/compose.js')
  const { readConfig } = await import('../dist/src/config.js')
  const app = compose(readConfig(process.env))
  try {
    const { ingest: repository } = await app.repositories()
    const queue = await app.queue()
    const model = await app.modelIdentity()
    const modelId = await repository.registerModel(model)
    const source = await openInput(file)
    const runId = `bench-${Date.now()}`
    await repository.createRun({ id: runId, modelId, source: source.description, options: {} })
    const start = performance.now()
    const summary = await enqueue(
      source,
      { repository, queue },
      { selection, runId, modelId, model, batchSize: BATCH_SIZE, labelSets: [], store: true },
    )
    const seconds = (performance.now() - start) / 1000
    await source.close()
    const waiting = (await queue.counts()).waiting
    if (waiting < summary.enqueuedBatches) throw new Error(`${summary.enqueuedBatches} batches added, ${waiting} wait`)
    return { mode: `into ${queue.location.split(':')[0]}`, summary, seconds, bytes: statSync(file).size }
  } finally {
    await app.close()
  }
}

function report({ mode, summary, seconds, bytes }) {
  // maxRSS is in KiB: https://nodejs.org/api/process.html#processresourceusage
  const peakRssMb = Math.round((process.resourceUsage().maxRSS * 1024) / 1e6)
  const result = {
    bench: 'producer',
    mode,
    rows: summary.rows,
    photos: summary.photos,
    badRows: summary.badRows,
    megabytes: Math.round(bytes / 1e6),
    seconds: Number(seconds.toFixed(2)),
    rowsPerSecond: Math.round(summary.rows / seconds),
    peakRssMb,
  }
  for (const [name, value] of Object.entries(result)) console.error(`${name.padEnd(14)} ${value}`)
  console.log(JSON.stringify(result))
  if (peakRssMb > MAX_RSS_MB) process.exitCode = 1
}
