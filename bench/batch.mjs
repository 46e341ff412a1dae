// Images per second and peak memory by batch size, processes, threads, precision and execution provider
//
//   npm run bench -- batch [--sizes 1,8,64,100,500,1000] [--precisions int8,fp32] [--layouts 2x1,1x2] [--images 64]
//                          [--providers cpu,cuda,…] [--no-peers]
//
// Needs MODEL_FOLDER; for the peers PHOTOS: see bench/peers. The tutorial's batch sizes are 100, 500 and 1000; ours is
// 8 (IMAGES_PER_CALL). A batch is one inference call. Each process encodes at least --images and at least one batch,
// from pixels to embeddings. Memory: the largest resident set of a process, model and pixels included. The peers on the
// CPU, in the first layout, get their pixels too. Takes about 15 minutes on two cores, most of them for fp32 and the
// peers in batches of 1000.
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { chooseProvider } from '../dist/models/runtime/choose-provider.js'
import { EXECUTION_PROVIDERS } from '../dist/models/runtime/providers.js'
import { watchGpu } from './support/gpu/watch.mjs'
import { openLineProcess } from './support/line-process.mjs'
import { photoFiles, runRuntime } from './support/peers.mjs'
import { modelSettings } from './support/pipeline.mjs'
import { readOptions, report, round, say } from './support/report.mjs'

const PROGRAM = fileURLToPath(new URL('support/encoder-process.mjs', import.meta.url))
const cores = availableParallelism()
const options = readOptions({
  sizes: { type: 'string', default: '1,8,64,100,500,1000' },
  precisions: { type: 'string', default: 'int8,fp32' },
  layouts: { type: 'string', default: cores > 1 ? `${cores}x1,1x${cores}` : '1x1' },
  images: { type: 'string', default: '64' },
  providers: { type: 'string', default: EXECUTION_PROVIDERS.join(',') },
  'no-peers': { type: 'boolean', default: false },
})
const sizes = options.sizes.split(',').map(Number)
const layouts = options.layouts.split(',').map(text => text.split('x').map(Number))

const absent = []
const rows = []
for (const provider of options.providers.split(',')) {
  const why = await whyAbsent(provider)
  if (why !== null) {
    absent.push({ provider, 'not measured here': why })
    say(`!!! ${provider} cannot be used here: ${why}`)
    continue
  }
  for (const precision of options.precisions.split(','))
    for (const [processes, threads] of layouts)
      for (const size of sizes) rows.push(await measure({ provider, precision, processes, threads, size }))
}
if (!options['no-peers'])
  for (const system of ['openvino-int8', 'torch-bf16', 'torch-fp32', 'onnxruntime-int8', 'onnxruntime-fp32'])
    for (const size of sizes) rows.push(...(await peer(system, size)))
report(options, {
  bench: 'batch',
  tables: [
    { title: 'Encoding by batch size', rows },
    { title: 'Execution providers that do not work here', rows: absent },
  ].filter(({ rows }) => rows.length > 0),
})

async function measure({ provider, precision, processes, threads, size }) {
  const children = Array.from({ length: processes }, () => open(provider, precision, threads, size))
  try {
    await Promise.all(children.map(({ ready }) => ready))
    const images = Math.max(size, Math.ceil(Number(options.images) / size) * size)
    const gpu = watchGpu(provider)
    const each = await Promise.all(children.map(({ ask }) => ask(images)))
    const { busy } = await gpu.stop()
    const rate = each.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0)
    const row = {
      ...line({ provider, precision, processes, threads, size }, rate, Math.max(...each.map(one => one.peakMib))),
      'core ms per image': round(each.reduce((sum, { coreMs }) => sum + coreMs, 0) / processes),
      ...(busy === null ? {} : { 'GPU, %': round(busy) }),
    }
    say(JSON.stringify(row))
    return row
  } finally {
    await Promise.all(children.map(({ close }) => close()))
  }
}

function line({ provider, precision, processes, threads, size, by = 'ours' }, imagesPerSecond, peakMib) {
  return {
    by,
    provider,
    precision,
    'processes × threads': `${processes} × ${threads}`,
    batch: size,
    'images/s': round(imagesPerSecond),
    'peak MiB a process': Math.round(peakMib),
  }
}

function open(provider, precision, threads, size) {
  const env = modelSettings(precision)
  const title = `the encoder, ${provider} ${precision}, batches of ${size}`
  return openLineProcess(PROGRAM, [threads, size, provider], { env, title })
}

async function peer(system, size) {
  const [processes, threads] = layouts[0]
  const photos = processes * Math.ceil(Number(options.images) / size) * size
  if (photoFiles().length < photos) return []
  const said = await runRuntime(system, { photos, processes, threads, batch: size, pixels: true })
  if (said === null) return []
  const [by, precision] = system.split('-')
  const row = line({ by, provider: 'cpu', precision, processes, threads, size }, said.images_per_s, said.peak_mib)
  say(JSON.stringify(row))
  return [row]
}

async function whyAbsent(provider) {
  try {
    await chooseProvider([provider])
    return null
  } catch (error) {
    const [, found] = error.message.split(' Install what is missing')[0].split('; found: ')
    // Source positions of the runtime and paths of this machine help nobody.
    return (/Failed to .*/.exec(found)?.[0] ?? found).replace(/\/\S+\//g, '').slice(0, 100)
  }
}
