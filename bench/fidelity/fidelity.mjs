// Fidelity: our embeddings beside the library's and the runtime's on the untouched file, for each model and precision
//
//   npm run bench -- fidelity [FOLDER…] [--photos FOLDER] [--texts FILE] [--each]
//
// FOLDER is a model folder with a model.json; default: all of test/models/exported, on the pictures and texts of their
// expected.json. With --photos (a folder of images) and --texts (a line per text, or a JSON list): on these, beside
// transformers or open_clip, where the folder holds its checkpoint and PEER_PYTHON has the library. bench/peers/full_size.sh
// makes such folders with the tools that users have. --each adds every
// rewrite of an image tower alone, and what moves the embeddings of the untouched file itself: other images in a call,
// and other rounding, in graphs that the runtime fuses less. Figures are cosine similarities, `least, median`; `centred`: after subtracting the
// mean embedding. `library` is PyTorch in fp32; `library, our pixels` leaves its preprocessing out.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'
import { readOptions, report, say } from '../support/report.mjs'

// The tests and this benchmark open an untouched file with the same code.
register()
const { pictures, imagesUntouched, similarity, TEXTS, textsUntouched } = await import(
  '../../test/support/models/untouched.ts'
)
const { preprocess } = await import('../../src/images/decode.ts')
const { knownModels } = await import('../../src/models/catalog/model-folders.ts')
const { useBytePixels } = await import('../../src/models/graph/byte-pixels.ts')
const { useClassTokenOnly } = await import('../../src/models/graph/class-token.ts')
const { useSignedWeights } = await import('../../src/models/graph/signed-weights.ts')
const { openOnnxEncoder } = await import('../../src/models/runtime/onnx-encoder.ts')
const { hasVnni } = await import('../../src/models/runtime/vnni.ts')

const FIXTURES = fileURLToPath(new URL('../../test/models/exported/', import.meta.url))
const LIBRARY = fileURLToPath(new URL('library.py', import.meta.url))
const options = readOptions(
  { photos: { type: 'string' }, texts: { type: 'string' }, each: { type: 'boolean', default: false } },
  { allowPositionals: true },
)
const folders =
  options.positionals.length > 0 ? options.positionals : readdirSync(FIXTURES).map(name => join(FIXTURES, name))
const identity = count => Array.from({ length: count }, (_, place) => place)
/** Every image gets other company: a call of 8 has images that are far apart in the list. */
const dealt = count => identity(count).sort((a, b) => (a % 8) - (b % 8) || a - b)
const YARDSTICKS = [
  ['untouched, other images in its call', { order: dealt }],
  ['untouched, one image per call', { imagesPerCall: 1 }],
  ['untouched, optimisation level extended', { graphOptimizationLevel: 'extended' }],
  ['untouched, optimisation level basic', { graphOptimizationLevel: 'basic' }],
  ['untouched, optimisation level disabled', { graphOptimizationLevel: 'disabled' }],
]
const rows = []
const temporary = mkdtempSync(join(tmpdir(), 'fidelity-'))
try {
  for (const folder of folders) rows.push(...(await measure(resolve(folder))))
} finally {
  rmSync(temporary, { recursive: true })
}
report(options, {
  bench: 'fidelity',
  settings: { photos: options.photos, texts: options.texts },
  tables: [
    { title: 'Image towers, cosine similarity: least, median', rows: rows.filter(({ tower }) => tower === 'image') },
    { title: 'Text towers, cosine similarity: least, median', rows: rows.filter(({ tower }) => tower === 'text') },
  ].map(({ title, rows }) => ({ title, rows: rows.map(({ tower: _, ...row }) => row) })),
})

async function measure(source) {
  const name = basename(source)
  // Digests are noted beside the files, so a fixture is copied; a real model is large and is not.
  const folder = source.startsWith(FIXTURES) ? join(temporary, name) : source
  if (folder !== source) await cp(source, folder, { recursive: true })
  // fp32 first: the others are compared with it.
  const specs = knownModels([folder])
    .filter(({ origin }) => origin.folder === folder)
    .sort((a, b) => Number(b.precision === 'fp32') - Number(a.precision === 'fp32'))
  const inputs = await inputsOf(specs[0])
  const library = await libraryOf(folder, inputs)
  const all = []
  let exact
  const seen = new Set()
  for (const spec of specs) {
    say(`${name}@${spec.precision}`)
    // Precisions that differ in their image towers alone share a text tower.
    const hasNewTexts = spec.text !== undefined && !seen.has(spec.textFile)
    seen.add(spec.textFile)
    const ours = await encode(spec, folder, { ...inputs, texts: hasNewTexts ? inputs.texts : [] })
    const plain = {
      images: await imagesUntouched(spec, folder, inputs.images),
      texts: hasNewTexts ? await textsUntouched(spec, folder, inputs.texts) : [],
    }
    if (spec.precision === 'fp32') exact = plain
    const base = { model: name, precision: spec.precision }
    all.push({
      tower: 'image',
      ...base,
      rewrites: applied(ours.rewrites, spec.visionFile),
      ...figures(ours.images, plain.images, {
        library: library?.images,
        ourPixels: library?.ofOurPixels,
        exact: exact?.images,
      }),
    })
    const variants = options.each ? [...changes(spec, ours.rewrites), ...YARDSTICKS] : []
    for (const [rewrites, variant] of variants) {
      const found = await inOrder(variant.order ?? identity, inputs.images, images =>
        imagesUntouched(spec, folder, images, variant),
      )
      all.push({
        tower: 'image',
        ...base,
        rewrites,
        ...figures(found, plain.images, { library: library?.images, exact: exact?.images }),
      })
    }
    if (hasNewTexts)
      all.push({
        tower: 'text',
        ...base,
        rewrites: applied(ours.rewrites, spec.textFile),
        ...figures(ours.texts, plain.texts, { library: library?.texts, exact: exact?.texts }),
      })
  }
  return all
}

/** Embeds images in another order. @param order the positions of all images */
async function inOrder(order, images, embed) {
  const places = order(images.length)
  const found = await embed(places.map(place => images[place]))
  return places.map((_, place) => found[places.indexOf(place)])
}

function figures(ours, plain, { library, ourPixels, exact }) {
  const pair = (found, wanted) => (wanted?.length ? similarity(found, wanted) : undefined)
  const cells = {
    untouched: pair(ours, plain),
    library: pair(ours, library),
    'library, our pixels': pair(ours, ourPixels),
    'untouched with library, our pixels': pair(plain, ourPixels),
    fp32: exact === plain ? undefined : pair(ours, exact),
    'untouched with fp32': exact === plain ? undefined : pair(plain, exact),
  }
  return Object.fromEntries(
    Object.entries(cells)
      .filter(([, found]) => found)
      .flatMap(([column, { direct, centred }]) => [
        [column, shown(direct)],
        [`${column}, centred`, shown(centred)],
      ]),
  )
}

function shown({ least, median }) {
  return `${least.toFixed(6)}, ${median.toFixed(6)}`
}

function applied(files, file) {
  return appliedNames(files, file).join(', ') || '–'
}

function appliedNames(files, file) {
  const { rewrites = [] } = files.find(one => one.file === file) ?? {}
  return rewrites.filter(({ outcome }) => outcome === 'applied').map(({ name }) => name)
}

/** The rewrites that apply to an image tower, if there are several. */
function changes({ input, mean, std, visionFile }, files) {
  const all = {
    'class-token-only': useClassTokenOnly,
    'signed-weights': graph => useSignedWeights(graph, process.arch === 'x64' && !hasVnni()),
    'byte-pixels': graph => useBytePixels(graph, input.size, { mean, std }, hasVnni() ? 'integer' : 'float'),
  }
  const names = appliedNames(files, visionFile)
  return names.length > 1 ? names.map(name => [`${name} alone`, { change: all[name] }]) : []
}

async function encode(spec, folder, { images, texts }) {
  const encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both' })
  try {
    return {
      images: await encoder.encodeImages(images),
      texts: encoder.hasTexts ? await encoder.encodeTexts(texts) : [],
      rewrites: encoder.rewrites,
    }
  } finally {
    await encoder.close()
  }
}

async function inputsOf({ input }) {
  if (options.photos === undefined) return { images: pictures(input.size), texts: TEXTS, files: [] }
  const files = readdirSync(options.photos)
    .sort()
    .map(file => resolve(options.photos, file))
  const images = []
  for (const file of files) images.push(await preprocess(readFileSync(file), { input, maxPixels: 1e9 }))
  return { images, texts: options.texts === undefined ? TEXTS : readTexts(options.texts), files }
}

function readTexts(file) {
  const content = readFileSync(file, 'utf8')
  return file.endsWith('.json') ? JSON.parse(content) : content.split('\n').filter(line => line !== '')
}

/** @returns undefined where neither expected.json nor a checkpoint is there */
async function libraryOf(folder, { images, texts, files }) {
  const vectors = list => list.map(row => Float32Array.from(row))
  if (files.length === 0) {
    const expected = join(folder, 'expected.json')
    if (!existsSync(expected)) return undefined
    const { images, texts = [] } = JSON.parse(readFileSync(expected, 'utf8'))
    return { images: vectors(images), texts: vectors(texts) }
  }
  const python = process.env.PEER_PYTHON
  const checkpoint = ['model.safetensors', 'pytorch_model.bin', 'open_clip_pytorch_model.bin'].some(file =>
    existsSync(join(folder, file)),
  )
  if (!python || !checkpoint) {
    say(`!!! no library beside ${folder}: it needs PEER_PYTHON and the checkpoint in PyTorch's format`)
    return undefined
  }
  const squares = join(temporary, 'squares')
  writeFileSync(squares, Buffer.concat(images))
  const child = spawn(python, [LIBRARY, folder, squares], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ files, texts }))
  let out = ''
  child.stdout.setEncoding('utf8').on('data', text => (out += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${LIBRARY} ended with ${code}`)
  const found = JSON.parse(out)
  return { images: vectors(found.images), ofOurPixels: vectors(found.ofSquares), texts: vectors(found.texts) }
}
