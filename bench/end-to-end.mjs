// Photos on a server to rows in Postgres, beside PyTorch with Pillow and transformers.js, which only embed
//
//   npm run bench -- end-to-end [--photos 700] [--repeats 5] [--precisions int8,fp32] [--processes N]
//                               [--photos-per-job 32]
//
// Needs PHOTOS, MODEL_FOLDER (with a model.json), redis-server and Postgres with pgvector on the PATH; for the peers
// PEER_SCRIPTS, PEER_PYTHON and PEER_TRANSFORMERS, see bench/support/peers.mjs.
//
// Ours is measured from the first batch in the queue to the last committed row: queue on Redis, download from a
// server on loopback, copy into a folder, decode, encode, embedding and two labels into a Postgres with fsync on.
// Counted: all work of that time on the same cores, by any process. Not counted: loading the model, the connections
// of the first batches (96 photos run before), and recording photos and batches in Postgres, the task of the
// producer. The peers read the same files from disk and neither download nor copy nor store. Not counted: imports,
// loading the model, one batch of 1 or 4 images before. They measure their own time with their own batch sizes: 200,
// as the tutorial, and 32.
//
// All take turns; a ratio compares neighbours in time. A repeat takes about 150 seconds on two cores.
import { availableParallelism } from 'node:os'
import { modelFolder, photosFolder, pythonPeer, runPeer, transformersPeer } from './support/peers.mjs'
import { openPipeline, startServices } from './support/pipeline.mjs'
import { readOptions, report, round, say, spread } from './support/report.mjs'

const options = readOptions({
  photos: { type: 'string', default: '700' },
  repeats: { type: 'string', default: '5' },
  precisions: { type: 'string', default: 'int8,fp32' },
  processes: { type: 'string', default: String(availableParallelism()) },
  'photos-per-job': { type: 'string' },
  'no-peers': { type: 'boolean', default: false },
})
const photos = Number(options.photos)
const processes = Number(options.processes)
const photosPerJob = options['photos-per-job'] && Number(options['photos-per-job'])
const precisions = options.precisions.split(',')
const cores = availableParallelism()

const SEED_BATCH = 200
const seed = options['no-peers'] ? null : pythonPeer('seed_baseline.py')
const transformers = options['no-peers'] ? null : transformersPeer('transformersjs_baseline.mjs')

/** In the order of their turns. Each returns images per second, or null if it is missing. */
const systems = [
  ...precisions.map(precision => ({ name: `ours ${precision}`, measure: () => ours(precision) })),
  {
    name: 'PyTorch + Pillow fp32',
    isPeer: true,
    measure: () => peerRate(seed, [photosFolder(), photos, SEED_BATCH, cores]),
  },
  ...precisions.map(precision => ({
    name: `transformers.js ${precision}`,
    isPeer: true,
    measure: () =>
      peerRate(transformers, [modelFolder(), photosFolder(), photos, 32, precision === 'int8' ? 'q8' : precision]),
  })),
]
/** The project's requirement, if it has one. */
const WANTED = {
  int8: { 'PyTorch + Pillow fp32': 3.5, 'transformers.js int8': 1.3 },
  fp32: { 'PyTorch + Pillow fp32': 1.5, 'transformers.js fp32': 1.2 },
}

const rates = new Map(systems.map(({ name }) => [name, []]))
const details = []
const services = await startServices()
try {
  for (let repeat = 1; repeat <= Number(options.repeats); repeat++)
    for (const { name, measure } of systems) {
      const rate = await measure()
      if (rate === null) continue
      rates.get(name).push(rate)
      say(`${repeat}/${options.repeats}  ${name.padEnd(24)} ${rate.toFixed(1)} photos/s`)
    }
} finally {
  await services.stop()
}
tell()

async function ours(precision) {
  const pipeline = await openPipeline(services, { precision, processes })
  try {
    const { photosPerSecond, coreMs, peakMib } = await pipeline.run(photos, photosPerJob)
    details.push({ precision, photosPerSecond, coreMs, peakMib })
    return photosPerSecond
  } finally {
    await pipeline.close()
  }
}

async function peerRate(command, parameters) {
  const said = await runPeer(command, parameters)
  if (said === null) return null
  if (said.images !== photos) throw new Error(`a peer did ${said.images} images instead of ${photos}`)
  return said.images_per_s
}

function tell() {
  const measured = systems.filter(({ name }) => rates.get(name).length > 0)
  const ratios = precisions.flatMap(precision =>
    measured
      .filter(({ name, isPeer }) => isPeer && (name.endsWith(precision) || name.startsWith('PyTorch')))
      .map(({ name }) => {
        const wanted = WANTED[precision]?.[name]
        const [own, its] = [rates.get(`ours ${precision}`), rates.get(name)]
        const ratio = spread(its.map((rate, i) => own[i] / rate))
        return { ours: precision, against: name, 'ratio (min to max)': ratio, wanted: wanted && `at least ${wanted}` }
      }),
  )
  const parts = precisions.flatMap(precision => {
    const some = details.filter(detail => detail.precision === precision)
    if (some.length === 0) return []
    const names = Object.keys(some[0].coreMs)
    const of = name => spread(some.map(({ coreMs }) => coreMs[name])).median
    return [
      {
        ours: precision,
        ...Object.fromEntries(names.map(name => [name, of(name)])),
        'peak MiB of a process': round(Math.max(...some.map(({ peakMib }) => peakMib))),
      },
    ]
  })
  report(options, {
    bench: 'end-to-end',
    settings: {
      photos,
      repeats: Number(options.repeats),
      processes,
      threads: 1,
      photosPerJob: photosPerJob ?? 'default',
    },
    tables: [
      {
        title: 'Photos per second',
        rows: measured.map(({ name }) => ({ system: name, 'photos/s (min to max)': spread(rates.get(name)) })),
      },
      { title: 'Ratios', rows: ratios },
      { title: 'Core milliseconds per photo', rows: parts },
    ].filter(({ rows }) => rows.length > 0),
    rates: Object.fromEntries(rates),
  })
}
