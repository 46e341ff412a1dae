// Ways of opening the image tower, and their cost: graph rewritings, session options, threads, images per call
//
//   npm run bench -- session [--file x.onnx,y.onnx] [--rounds 9] [--only threads]
//
// Needs the towers of fp32 and int8 in MODEL_FOLDER, or the named files. All variants of a table are open at once in
// one process and take turns, so that other work on the machine affects all of them. The measure is CPU time per
// image (`core ms`), the least of all rounds. Tables: graph, options, threads, images and, one process after the
// other, processes. Takes about 7 minutes on two cores, 3 of them for `--only processes`.
import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { useBytePixels } from '../dist/models/graph/byte-pixels.js'
import { useClassTokenOnly } from '../dist/models/graph/class-token.js'
import { mapModel } from '../dist/models/graph/model-file.js'
import { useSignedWeights } from '../dist/models/graph/signed-weights.js'
import { hasVnni } from '../dist/models/runtime/vnni.js'
import { modelFolder } from './support/peers.mjs'
import { pixelFeeds, SCALE, SIZE } from './support/pixel-feeds.mjs'
import { openRaw, visionFile } from './support/raw.mjs'
import { readOptions, report, round, say, spread } from './support/report.mjs'

const options = readOptions({
  file: { type: 'string' },
  rounds: { type: 'string', default: '9' },
  seconds: { type: 'string', default: '4' },
  only: { type: 'string' },
})
const rounds = Number(options.rounds)
const files = options.file
  ? options.file.split(',').map(file => resolve(file))
  : ['fp32', 'int8'].map(precision => visionFile(modelFolder(), precision)).filter(existsSync)

const spinning = allowed => ({ session: { intra_op: { allow_spinning: allowed } } })
const bytePixels = product => graph => useBytePixels(graph, SIZE, SCALE, product)
const all = graph =>
  void [useClassTokenOnly(graph), useSignedWeights(graph), bytePixels(hasVnni() ? 'integer' : 'float')(graph)]
const TABLES = {
  graph: {
    title: 'graph, 1 thread, 8 images per call',
    variants: [
      ['plain file', {}],
      ['weights mapped from the file', { change: () => {} }],
      ['last block for the class token alone', { change: useClassTokenOnly }],
      ['7-bit weights signed', { change: useSignedWeights }],
      ['pixels as bytes, integer products', { change: bytePixels('integer') }],
      ['pixels as bytes, product in floating point', { change: bytePixels('float') }],
      ['all of these: as it is opened', { change: all }],
      ['optimisation level extended', { graphOptimizationLevel: 'extended' }],
      ['optimisation level basic', { graphOptimizationLevel: 'basic' }],
      ['optimisation level disabled', { graphOptimizationLevel: 'disabled' }],
    ],
  },
  options: {
    title: 'session options, 1 thread, 8 images per call',
    variants: [
      ['as it is opened', { change: all }],
      ['no memory arena', { change: all, enableCpuMemArena: false }],
      ['no memory pattern', { change: all, enableMemPattern: false }],
      ['no prepacking', { change: all, extra: { session: { disable_prepacking: '1' } } }],
      ['denormals as zero', { change: all, extra: { session: { set_denormal_as_zero: '1' } } }],
      [
        'weights outside the arena',
        { change: all, extra: { session: { use_device_allocator_for_initializers: '1' } } },
      ],
      ['parallel execution', { change: all, executionMode: 'parallel' }],
      ['output into a buffer of the caller', { change: all, reuse: true }],
    ],
  },
  threads: {
    title: 'threads of one session, 8 images per call',
    variants: [
      ['1 thread', { change: all }],
      ['2 threads, spinning off', { change: all, intraOpNumThreads: 2 }],
      ['2 threads, spinning on', { change: all, intraOpNumThreads: 2, extra: spinning('1') }],
      [
        '2 threads, spinning for 100 µs',
        {
          change: all,
          intraOpNumThreads: 2,
          extra: { session: { intra_op: { allow_spinning: '1', spin_duration_us: '100' } } },
        },
      ],
    ],
  },
  images: {
    title: 'images per call, 1 thread',
    variants: [1, 2, 4, 8, 16, 32, 64].map(images => [`${images}`, { change: all, images }]),
  },
}

const tables = []
for (const file of files) {
  for (const [name, { title, variants }] of Object.entries(TABLES)) {
    if (options.only && options.only !== name) continue
    say(`${basename(file)}: ${title}`)
    tables.push({ title: `${basename(file)}: ${title}`, rows: await compare(file, variants) })
  }
  if (!options.only || options.only === 'processes') {
    say(`${basename(file)}: processes`)
    tables.push({
      title: `${basename(file)}: processes × threads, 8 images per call`,
      rows: await compareProcesses(file),
    })
  }
}
await report(options, { bench: 'session', settings: { rounds }, tables })

async function compare(file, variants) {
  const opened = []
  for (const [name, variant] of variants) opened.push(await open(file, name, variant))
  for (let turn = 0; turn < rounds; turn++)
    for (const one of turn % 2 ? opened : opened.toReversed()) {
      const before = process.cpuUsage()
      const startedAt = performance.now()
      await one.run()
      const { user, system } = process.cpuUsage(before)
      one.wallMs.push((performance.now() - startedAt) / one.images)
      one.coreMs.push((user + system) / 1000 / one.images)
    }
  const least = Math.min(...opened[0].coreMs)
  const expected = await opened[0].run()
  const rows = []
  for (const { name, coreMs, wallMs, openMs, run } of opened) {
    const found = await run()
    rows.push({
      '': name,
      'core ms': spread(coreMs),
      'of the first': round(least / Math.min(...coreMs)),
      'images/s': round(1000 / Math.min(...wallMs)),
      'largest difference': difference(expected, found),
      'opened in ms': round(openMs),
    })
  }
  for (const { session } of opened) await session.release()
  return rows
}

async function open(file, name, { change, images = 8, reuse = false, extra, ...own }) {
  const startedAt = performance.now()
  const session = await InferenceSession.create(change ? mapModel(file, change) : file, {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    ...own,
    extra: {
      session: {
        model_external_initializers_file_folder_path: dirname(file),
        intra_op: { allow_spinning: '0' },
        ...extra?.session,
      },
    },
  })
  const openMs = performance.now() - startedAt
  const feeds = pixelFeeds(session, images)
  const [output] = session.outputNames
  const first = (await session.run(feeds))[output]
  const fetches = reuse
    ? { [output]: new Tensor('float32', new Float32Array(first.data.length), first.dims) }
    : [output]
  const run = async () => (await session.run(feeds, fetches))[output].data
  return { name, session, images, openMs, run, coreMs: [], wallMs: [] }
}

/** Of the first image, which has other images beside it in smaller calls. */
function difference(expected, found) {
  let most = 0
  for (let i = 0; i < 512; i++) most = Math.max(most, Math.abs(expected[i] - found[i]))
  return Number(most.toPrecision(2))
}

async function compareProcesses(file) {
  const cases = [
    { processes: 1, threads: 1 },
    { processes: 1, threads: 2 },
    { processes: 2, threads: 1 },
    { processes: 2, threads: 2 },
  ]
  const figures = cases.map(() => ({ imagesPerSecond: [], coreMsPerImage: [] }))
  for (let turn = 0; turn < 3; turn++)
    for (const [index, one] of cases.entries()) {
      const raw = await openRaw({ file, ...one, imagesPerCall: 8, session: 'ours' })
      const { imagesPerSecond, coreMsPerImage } = await raw.measure(Number(options.seconds))
      await raw.close()
      figures[index].imagesPerSecond.push(imagesPerSecond)
      figures[index].coreMsPerImage.push(coreMsPerImage)
    }
  return cases.map(({ processes, threads }, index) => ({
    processes,
    'threads each': threads,
    'images/s': spread(figures[index].imagesPerSecond),
    'core ms': spread(figures[index].coreMsPerImage),
  }))
}
