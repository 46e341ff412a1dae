// Queue overhead of a worker: the share of its time outside all stages
//
// Stages: download, store copy, preprocess, encode, write. One worker process handles one batch at a time.
//
//   DATABASE_URL=… REDIS_URL=… npm run bench -- overhead [--batches 30] [--photos-per-job 64]
//                                                        [--ms-per-photo 30 | --demo] [--no-store] [--embedded]
//
// With --ms-per-photo the encoder only sleeps, 30 ms per photo as CLIP ViT-B/32 in int8 takes on two cores; --demo
// encodes with the demo model. The exit code is 1 above 3 %.
import { compose } from '../dist/compose/app.js'
import { readConfig } from '../dist/config.js'
import { readOptions, report, round } from './support/report.mjs'
import { openPlace, SLEEPING_MODEL, serveImages, startRun, startWorkers } from './support/workers.mjs'

const MAX_SHARE = 0.03

const options = readOptions({
  batches: { type: 'string', default: '30' },
  'photos-per-job': { type: 'string', default: '64' },
  'ms-per-photo': { type: 'string', default: '30' },
  demo: { type: 'boolean', default: false },
  'no-store': { type: 'boolean', default: false },
  embedded: { type: 'boolean', default: false },
})
const { embedded, demo } = options
const images = await serveImages()
const settings = { WORKER_CONCURRENCY: '1', ...(demo ? { MODEL: 'demo' } : { MS_PER_PHOTO: options['ms-per-photo'] }) }
const place = await openPlace({ embedded, imageHost: images.host, settings })
try {
  const { environment } = place
  const run = await startRun(environment, {
    batches: Number(options.batches),
    photosPerJob: Number(options['photos-per-job']),
    imageHost: images.host,
    store: !options['no-store'],
    model: demo ? await compose(readConfig(environment)).models.identity() : SLEEPING_MODEL,
  })
  await run.add()
  const workers = await startWorkers(1, environment)
  await run.done()
  const [{ stats, cpuSeconds }] = await workers.stop()
  await run.close()
  tell(stats, cpuSeconds)
} finally {
  await place.close()
  images.close()
}

function tell({ batches, stageSeconds }, cpuSeconds) {
  const { all, span, wait, ...stages } = stageSeconds
  const share = 1 - all / span
  const row = (stage, seconds) => ({ stage, seconds: round(seconds), '% of the time': round((100 * seconds) / span) })
  const rows = [...Object.entries(stages).map(([stage, seconds]) => row(stage, seconds)), row('none', span - all)]
  report(options, {
    bench: 'overhead',
    settings: {
      services: embedded ? 'embedded' : 'Redis and Postgres',
      encoder: demo ? 'demo' : `sleeps ${options['ms-per-photo']} ms per photo`,
      batches,
      photosPerJob: Number(options['photos-per-job']),
    },
    tables: [{ title: 'Seconds in which a stage was under way', rows }],
    notes: [
      `${((1000 * (span - all)) / batches).toFixed(1)} ms a batch outside the stages, ${(100 * share).toFixed(2)} % of the time`,
    ],
    seconds: round(span),
    cpuSeconds: round(cpuSeconds),
    waitSeconds: round(wait),
    outsideShare: round(share),
  })
  if (share > MAX_SHARE) process.exitCode = 1
}
