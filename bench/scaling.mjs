// Throughput by the number of worker processes, where cores are no limit
//
// The encoder only sleeps; everything else is real (queue, database, downloads from loopback, preprocessing, copies).
//
//   DATABASE_URL=… REDIS_URL=… npm run bench -- scaling [--processes 1,2,4,8,16] [--batches 6] [--photos-per-job 64]
//                                                   [--seconds-per-batch 8] [--concurrency 2] [--store] [--embedded]
//
// --batches: per process. By default 16 processes make 128 photos per second, each about 3 ms of a worker's CPU.
// Steady: the sum over processes of the photos that each wrote between its first batch and its last; overall: from
// the first batch in the queue to the last row. Efficiency compares the steady rate with that of the first line. The
// exit code is 1 below 0.9 at 8 processes (not with --embedded).
import { readOptions, report, say } from './support/report.mjs'
import { openPlace, serveImages, startRun, startWorkers } from './support/workers.mjs'

const MIN_EFFICIENCY = 0.9

const options = readOptions({
  processes: { type: 'string', default: '1,2,4,8,16' },
  batches: { type: 'string', default: '6' },
  'photos-per-job': { type: 'string', default: '64' },
  'seconds-per-batch': { type: 'string', default: '8' },
  concurrency: { type: 'string', default: '2' },
  store: { type: 'boolean', default: false },
  embedded: { type: 'boolean', default: false },
})
const { embedded, store } = options
const photosPerJob = Number(options['photos-per-job'])
const settings = {
  MS_PER_PHOTO: String((1000 * Number(options['seconds-per-batch'])) / photosPerJob),
  WORKER_CONCURRENCY: options.concurrency,
}
const images = await serveImages()
const lines = []
for (const processes of options.processes.split(',').map(Number)) {
  const measured = await measure(processes)
  const ideal = ((lines[0] ?? measured).steady / (lines[0] ?? measured).processes) * processes
  const line = { ...measured, efficiency: round(measured.steady / ideal, 3) }
  lines.push(line)
  say(`${processes} processes: ${line.steady} photos/s`)
}
images.close()
report(options, {
  bench: 'scaling',
  settings: {
    services: embedded ? 'embedded' : 'Redis and Postgres',
    photosPerJob,
    secondsPerBatch: Number(options['seconds-per-batch']),
    concurrency: Number(options.concurrency),
    store,
  },
  tables: [
    {
      title: 'Photos per second',
      rows: lines.map(({ processes, steady, overall, efficiency, cpuSeconds }) => ({
        processes,
        steady,
        overall,
        efficiency,
        'CPU s': cpuSeconds,
      })),
    },
  ],
})
const atEight = lines.find(line => line.processes === 8)
if (!embedded && atEight && atEight.efficiency < MIN_EFFICIENCY) process.exitCode = 1

async function measure(processes) {
  const place = await openPlace({ embedded, imageHost: images.host, settings })
  try {
    const { environment } = place
    const batches = processes * Number(options.batches)
    const run = await startRun(environment, { batches, photosPerJob, imageHost: images.host, store })
    const workers = await startWorkers(processes, environment)
    const startedAt = performance.now()
    await run.add()
    await run.done()
    const seconds = (performance.now() - startedAt) / 1000
    const done = await workers.stop()
    await run.close()
    const rates = done.map(({ written }) => {
      const ms = Math.max(...written) - Math.min(...written)
      return written.length > 1 ? (photosPerJob * (written.length - 1) * 1000) / ms : 0
    })
    return {
      processes,
      photos: batches * photosPerJob,
      steady: round(rates.reduce((a, b) => a + b)),
      overall: round((batches * photosPerJob) / seconds),
      cpuSeconds: round(done.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)),
    }
  } finally {
    await place.close()
  }
}

function round(value, digits = 1) {
  return Number(value.toFixed(digits))
}
