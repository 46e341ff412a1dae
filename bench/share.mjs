// The share of the raw session's best throughput that the whole pipeline keeps
//
//   npm run bench -- share [--precisions int8,fp32] [--repeats 5] [--photos 2100] [--processes N] [--photos-per-job 32]
//                          [--layouts 2x1,1x2] [--images-per-call 1,4,8,16,32] [--seconds 3]
//                          [--peers openvino-int8,openvino-fp32,torch-fp32 | --no-peers] [--no-pipeline]
//
// Needs what `end-to-end` needs. First it measures the raw session over processes × threads ×
// images per call: pixels computed beforehand, the model's file as it is, nothing else, once with the runtime's
// default session and once with the options of this program. Then it measures the best of these again, in turn with
// the pipeline, with the same layout of the graph as this program changes it, and with the peers on the same photos,
// their pixels computed beforehand, too. end-to-end.mjs says what counts for
// the pipeline. A precision is a name of the folder's model.json, so a file like those of the hub, with unsigned
// weights, can be another: `--precisions int8,int8-unsigned`. Takes about 6 minutes per precision on two cores. 700
// photos would suffice, but at the end of a run a process waits for the others, half a job on average, which is not
// part of the throughput.
import { availableParallelism } from 'node:os'
import { modelFolder, runRuntime } from './support/peers.mjs'
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
  peers: { type: 'string', default: 'openvino-int8,openvino-fp32,torch-fp32' },
  'no-peers': { type: 'boolean', default: false },
  'no-pipeline': { type: 'boolean', default: false },
})
const photos = Number(options.photos)
const processes = Number(options.processes)
const seconds = Number(options.seconds)
const photosPerJob = options['photos-per-job'] && Number(options['photos-per-job'])
const layouts = options.layouts.split(',').map(text => text.split('x').map(Number))
const sizes = options['images-per-call'].split(',').map(Number)
const peers = options['no-peers'] ? [] : options.peers.split(',')
const WANTED = { int8: 0.8, fp32: 0.92 }
/** Photos of which a peer has the pixels. */
const PEER_PHOTOS = 256

const sweeps = []
const shares = []
const sessions = []
const services = await startServices()
try {
  for (const precision of options.precisions.split(',')) {
    const file = visionFile(modelFolder(), precision)
    const best = await sweep(precision, file)
    const { raw, kept } = await compare(precision, file, best)
    sessions.push(...raw)
    shares.push(...kept)
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
    { title: 'The model alone, in turns', rows: sessions },
    { title: 'What the whole pipeline keeps of it', rows: shares },
  ].filter(({ rows }) => rows.length > 0),
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
  const pipeline = options['no-pipeline'] ? null : await openPipeline(services, { precision, processes })
  const rates = { raw: [], own: [], ...Object.fromEntries(peers.map(peer => [peer, []])), whole: [] }
  const coreMs = structuredClone(rates)
  const note = (name, imagesPerSecond, ms) => {
    rates[name].push(imagesPerSecond)
    coreMs[name].push(ms)
  }
  try {
    for (let repeat = 0; repeat < Number(options.repeats); repeat++) {
      for (const [name, one] of Object.entries({ raw, own })) {
        const measured = await one.measure(2 * seconds)
        note(name, measured.imagesPerSecond, measured.coreMsPerImage)
      }
      for (const name of peers) {
        const setup = { photos: PEER_PHOTOS, processes: rawProcesses, threads, batch: imagesPerCall, pixels: true }
        const measured = await runRuntime(name, setup)
        if (measured !== null) note(name, measured.images_per_s, measured.core_ms_per_image)
      }
      if (pipeline !== null) {
        const whole = await pipeline.run(photos, photosPerJob)
        note(
          'whole',
          whole.photosPerSecond,
          Object.values(whole.coreMs).reduce((a, b) => a + b),
        )
      }
      say(
        `${precision}: ${Object.entries(rates)
          .filter(([, all]) => all.length > 0)
          .map(([name, all]) => `${name} ${all.at(-1).toFixed(1)}`)
          .join(', ')}`,
      )
    }
  } finally {
    await Promise.all([raw.close(), own.close(), pipeline?.close()])
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
  const names = { raw: `the file as it is, ${session}`, own: 'ours' }
  const alone = Object.keys(rates)
    .filter(name => name !== 'whole' && rates[name].length > 0)
    .map(name => ({
      precision,
      layout,
      session: names[name] ?? name,
      'images/s': spread(rates[name]),
      'core ms per image': spread(coreMs[name]),
      'ours in its milliseconds': spread(coreMs.own.map((ms, i) => ms / coreMs[name][i])),
    }))
  const kept = [
    row(`raw session, ${layout}, ${session}`, 'raw', WANTED[precision] ? `at least ${WANTED[precision]}` : ''),
    row(`this program's session, ${layout}`, 'own', ''),
  ]
  return { raw: alone, kept: pipeline === null ? [] : kept }
}

async function once(setup, measure) {
  const raw = await openRaw(setup)
  try {
    return await measure(raw)
  } finally {
    await raw.close()
  }
}
