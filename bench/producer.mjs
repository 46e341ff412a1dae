// A table of a million rows through the producer: rows per second and the peak of its memory
//
//   npm run bench -- producer [--rows 1000000] [--sample 5000] [--into-queue] [--keep FILE]
//
// Without --into-queue it is a dry run that needs only disk (450 MB in the temporary folder). With it, photos and
// batches go to DATABASE_URL and REDIS_URL, or into the embedded database; use an empty one. The exit code is 1 when
// the memory exceeds 300 MB.
import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openInput } from '../dist/producers/input/open-input.js'
import { dryRun, enqueue } from '../dist/producers/queueing/enqueue.js'
import { readOptions, report } from './support/report.mjs'

const MAX_RSS_MB = 300
const PHOTOS_PER_JOB = 64

const options = readOptions({
  rows: { type: 'string', default: '1000000' },
  sample: { type: 'string' },
  'into-queue': { type: 'boolean', default: false },
  keep: { type: 'string' },
})
const selection = options.sample === undefined ? {} : { sample: Number(options.sample), seed: 1 }
const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-bench-'))
try {
  const file = options.keep ?? join(folder, 'photos.tsv000')
  // In a separate process, so that its memory does not count.
  if (!existsSync(file))
    execFileSync(process.execPath, [
      fileURLToPath(new URL('support/photo-table.mjs', import.meta.url)),
      file,
      options.rows,
    ])
  tell(await (options['into-queue'] ? measureIntoQueue(file) : measureDryRun(file)))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measureDryRun(file) {
  const source = await openInput(file)
  const start = performance.now()
  const summary = await dryRun(source, { selection, photosPerJob: PHOTOS_PER_JOB })
  const seconds = (performance.now() - start) / 1000
  await source.close()
  return { mode: 'dry run', summary, seconds, bytes: statSync(file).size }
}

async function measureIntoQueue(file) {
  const { compose } = await import('../dist/compose/app.js')
  const { readConfig } = await import('../dist/config.js')
  const app = compose(readConfig(process.env))
  try {
    const { ingest: repository, runs } = await app.repositories()
    const queue = await app.queue()
    const model = await app.models.identity()
    const modelId = await repository.registerModel(model)
    const source = await openInput(file)
    const runId = `bench-${Date.now()}`
    await repository.createRun({ id: runId, modelId, source: source.description, options: {} })
    const start = performance.now()
    const summary = await enqueue(
      source,
      { repository, runs, queue },
      // No workers here, so no limit.
      { selection, runId, modelId, model, photosPerJob: PHOTOS_PER_JOB, labelSets: [], store: true, maxWaiting: 1e9 },
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

function tell({ mode, summary, seconds, bytes }) {
  // maxRSS is in KiB: https://nodejs.org/api/process.html#processresourceusage
  const peakRssMb = Math.round((process.resourceUsage().maxRSS * 1024) / 1e6)
  const row = {
    mode,
    rows: summary.rows,
    photos: summary.photos,
    badRows: summary.badRows,
    megabytes: Math.round(bytes / 1e6),
    seconds: Number(seconds.toFixed(2)),
    rowsPerSecond: Math.round(summary.rows / seconds),
    peakRssMb,
  }
  report(options, { bench: 'producer', settings: { selection }, tables: [{ title: 'Producer', rows: [row] }] })
  if (peakRssMb > MAX_RSS_MB) process.exitCode = 1
}
