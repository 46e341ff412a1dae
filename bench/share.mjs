// The share of the raw session's best throughput that the whole pipeline keeps
//
//   npm run bench -- share [--precisions int8,fp32] [--repeats 5] [--photos 2100] [--processes N] [--photos-per-job 32]
//                          [--layouts 2x1,1x2] [--images-per-call 1,4,8,16,32] [--seconds 3]
//
// Needs what `end-to-end` needs, without the peers. First it measures the raw session over processes × threads ×
// images per call: pixels computed beforehand, the model's file as it is, nothing else, once with the runtime's
// default session and once with the options of this program. Then it measures the best of these again, in turn with
// the pipeline and with the same layout of the graph as this program changes it. end-to-end.mjs says what counts for
// the pipeline. A precision is a name of the folder's model.json, so a file like those of the hub, with unsigned
// weights, can be another: `--precisions int8,int8-unsigned`. Takes about 6 minutes per precision on two cores. 700
// photos would suffice, but at the end of a run a process waits for the others, half a job on average, which is not
// part of the throughput.
import { availableParallelism } from 'node:os'
import { modelFolder } from './support/peers.mjs'
import { openPipeline, startServices } from './support/pipeline.mjs'
import { openRaw, visionFile } from './support/raw.mjs'
import { readOptions, report, round, say, spread } from './support/report.mjs'

const cores = availableParallelism()
const options = readOptions({
  precisions: { type: 'string', default: 'int8,fp32' },
  repeats: { type: 'string', default: '5' },
  photos: { type: 'string', default: '2100' },
  processes: { type: 'string', default: String(cores) },
  'photos-per-job': { type: 'string' },
  layouts: { type: 'string', default: cores > 1 ? `${cores}x1,1x${cores}` : '1x1' },
  'images-per-call': { type: 'string', default: '1,4,8,16,32' },
  seconds: { type: 'string', default: '3' },
})
const photos = Number(options.photos)
const processes = Number(options.processes)
const seconds = Number(options.seconds)
const photosPerJob = options['photos-per-job'] && Number(options['photos-per-job'])
const layouts = options.layouts.split(',').map(text => text.split('x').map(Number))
const sizes = options['images-per-call'].split(',').map(Number)
const WANTED = { int8: 0.8, fp32: 0.92 }

const sweeps = []
const shares = []
const services = await startServices()
try {
  for (const precision of options.precisions.split(',')) {
    const file = visionFile(modelFolder(), precision)
    const best = await sweep(precision, file)
    shares.push(...(await compare(precision, file, best)))
  }
} finally {
  await services.stop()
}
report(options, {
  bench: 'share',
  settings: {
    photos,
    repeats: Number(options.repeats),
    processes,
    threads: 1,
    photosPerJob: photosPerJob ?? 'default',
  },
  tables: [
    { title: 'The raw session, images per second', rows: sweeps },
    { title: 'What the whole pipeline keeps of it', rows: shares },
  ],
})

/** @returns the setup with the best throughput */
async function sweep(precision, file) {
  let best
  for (const [processes, threads] of layouts)
    for (const session of ['default', 'sleeping']) {
      const row = { precision, 'processes × threads': `${processes} × ${threads}`, session }
      for (const imagesPerCall of sizes) {
        const setup = { file, processes, threads, imagesPerCall, session }
        const { imagesPerSecond } = await once(setup, raw => raw.measure(seconds))
        row[`${imagesPerCall} per call`] = round(imagesPerSecond)
        if (best === undefined || imagesPerSecond > best.imagesPerSecond) best = { ...setup, imagesPerSecond }
      }
      say(JSON.stringify(row))
      sweeps.push(row)
    }
  return best
}

async function compare(precision, file, best) {
  const { processes: rawProcesses, threads, imagesPerCall, session } = best
  const raw = await openRaw(best)
  const own = await openRaw({ ...best, file, session: 'ours' })
  const pipeline = await openPipeline(services, { precision, processes })
  const rates = { raw: [], own: [], whole: [] }
  const coreMs = { raw: [], own: [], whole: [] }
  try {
    for (let repeat = 0; repeat < Number(options.repeats); repeat++) {
      for (const [name, one] of Object.entries({ raw, own })) {
        const measured = await one.measure(2 * seconds)
        rates[name].push(measured.imagesPerSecond)
        coreMs[name].push(measured.coreMsPerImage)
      }
      const whole = await pipeline.run(photos, photosPerJob)
      rates.whole.push(whole.photosPerSecond)
      coreMs.whole.push(Object.values(whole.coreMs).reduce((a, b) => a + b))
      say(
        `${precision}: ${Object.entries(rates)
          .map(([name, all]) => `${name} ${all.at(-1).toFixed(1)}`)
          .join(', ')}`,
      )
    }
  } finally {
    await Promise.all([raw.close(), own.close(), pipeline.close()])
  }
  const row = (what, against, wanted) => ({
    precision,
    'compared with': what,
    'images/s': spread(rates[against]),
    'pipeline, photos/s': spread(rates.whole),
    share: spread(rates.whole.map((rate, i) => rate / rates[against][i])),
    wanted,
    'core ms per image': spread(coreMs[against]).median,
    'pipeline, core ms per photo': spread(coreMs.whole).median,
  })
  const layout = `${rawProcesses} × ${threads}, ${imagesPerCall} per call`
  return [
    row(`raw session, ${layout}, ${session}`, 'raw', WANTED[precision] ? `at least ${WANTED[precision]}` : ''),
    row(`this program's session, ${layout}`, 'own', ''),
  ]
}

async function once(setup, measure) {
  const raw = await openRaw(setup)
  try {
    return await measure(raw)
  } finally {
    await raw.close()
  }
}
