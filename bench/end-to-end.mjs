// Photos on a server to rows in Postgres, beside what others use to embed photos, which only embed
//
//   npm run bench -- end-to-end [--photos 700] [--repeats 5] [--precisions int8,fp32] [--processes N]
//                               [--photos-per-job 32] [--provider cpu] [--images-per-call N]
//                               [--peers openvino-int8,torch-bf16,…] [--no-peers]
//
// Needs PHOTOS, MODEL_FOLDER, redis-server and Postgres with pgvector on the PATH, and the peers: see bench/peers.
//
// Ours is measured from the first batch in the queue to the last committed row: queue on Redis, download from a
// server on loopback, copy into a folder, decode, encode, embedding and two labels into a Postgres with fsync on.
// Counted: all work of that time on the same cores, by any process. Not counted: loading the model, the connections
// of the first batches (96 photos run before), and recording photos and batches in Postgres, the task of the
// producer. The peers read the same files from disk, decode with Pillow (transformers.js: sharp) and neither download
// nor copy nor store. Not counted: imports, loading and compiling the model, the first batches. Each runs in its best
// layout: one process per core, one thread, 8 photos per call; transformers.js in one process; `tutorial` is
// PyTorch in one process with batches of 200; clip-retrieval has batches of 32 and counts the difference of two runs.
//
// All take turns; a ratio compares neighbours in time. A repeat takes about 4 minutes on two cores.
import { availableParallelism } from 'node:os'
import { watchGpu } from './support/gpu/watch.mjs'
import { modelFolder, photosFolder, runClipRetrieval, runPeer, runRuntime, transformersPeer } from './support/peers.mjs'
import { openPipeline, startServices } from './support/pipeline.mjs'
import { readOptions, report, round, say, spread } from './support/report.mjs'

const options = readOptions({
  photos: { type: 'string', default: '700' },
  repeats: { type: 'string', default: '5' },
  precisions: { type: 'string', default: 'int8,fp32' },
  processes: { type: 'string', default: String(availableParallelism()) },
  'photos-per-job': { type: 'string' },
  provider: { type: 'string', default: 'cpu' },
  'images-per-call': { type: 'string' },
  peers: { type: 'string' },
  'no-peers': { type: 'boolean', default: false },
})
const photos = Number(options.photos)
const processes = Number(options.processes)
const photosPerJob = options['photos-per-job'] && Number(options['photos-per-job'])
const precisions = options.precisions.split(',')
const cores = availableParallelism()

const BEST = { photos, processes: cores, threads: 1, batch: 8 }
const RUNTIMES = ['openvino-int8', 'openvino-bf16', 'openvino-fp32', 'torch-bf16', 'torch-compile', 'torch-fp32']
const OTHERS = ['onnxruntime-int8', 'onnxruntime-fp32']

/** Each returns what it measured, with `images` and `images_per_s`, or null where it is missing. */
const PEERS = {
  ...Object.fromEntries([...RUNTIMES, ...OTHERS].map(name => [name, () => runRuntime(name, BEST)])),
  tutorial: () => runRuntime('torch-fp32', { photos, processes: 1, threads: cores, batch: 200 }),
  'transformers.js-int8': () => transformersJs('q8'),
  'transformers.js-fp32': () => transformersJs('fp32'),
  'clip-retrieval-fp32': () => runClipRetrieval(Math.min(photos, 256)),
}
const peers = options['no-peers'] ? [] : (options.peers?.split(',') ?? Object.keys(PEERS))
for (const name of peers)
  if (!PEERS[name]) throw new Error(`--peers ${name}: expected one of ${Object.keys(PEERS).join(', ')}`)

/** In the order of their turns. */
const systems = [
  ...precisions.map(precision => ({ name: `ours ${precision}`, measure: () => ours(precision) })),
  ...peers.map(name => ({ name, isPeer: true, measure: () => peerRate(PEERS[name]) })),
]
/** The project's requirement, if it has one. */
const WANTED = { int8: { 'openvino-int8': 1.3 }, fp32: { 'torch-fp32': 1, 'onnxruntime-fp32': 1 } }
/** Peers that compute in 16 bits or less. A ratio of fp32 to them says nothing. */
const isReduced = name => /int8|bf16/.test(name)

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
  const pipeline = await openPipeline(services, { precision, processes, ...setup() })
  const watch = watchGpu(options.provider)
  let [measured, gpu, total] = []
  try {
    measured = await pipeline.run(photos, photosPerJob)
  } finally {
    gpu = await watch.stop()
    total = await pipeline.close()
  }
  details.push({ precision, ...measured, gpu, writeMs: (1000 * total.stageSeconds.write) / total.embedded })
  return measured.photosPerSecond
}

/** Settings of the worker that this benchmark's options change. Calls of another size need a warm-up of that size. */
function setup() {
  const imagesPerCall = options['images-per-call']
  const settings = {
    ...(options.provider === 'cpu' ? {} : { EXECUTION_PROVIDER: options.provider }),
    ...(imagesPerCall ? { IMAGES_PER_CALL: imagesPerCall } : {}),
  }
  if (!imagesPerCall) return { settings }
  const jobSize = photosPerJob ?? Number(imagesPerCall)
  return { settings, warmUp: { photos: 2 * processes * jobSize, photosPerJob: jobSize } }
}

function transformersJs(dtype) {
  return runPeer(transformersPeer(), [modelFolder(), photosFolder(), photos, 32, dtype])
}

async function peerRate(measure) {
  const said = await measure()
  return said === null ? null : said.images_per_s
}

function tell() {
  const measured = systems.filter(({ name }) => rates.get(name).length > 0)
  const ratios = precisions.flatMap(precision =>
    measured
      .filter(({ name, isPeer }) => isPeer && (precision !== 'fp32' || !isReduced(name)))
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
    details,
  })
}
