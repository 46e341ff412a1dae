// A query in words: encoding one prompt, cold and from the cache, and `search` to its first result
//
//   npm run bench -- text [--prompts 200] [--repeats 10]
//
// Needs the text towers of MODEL_FOLDER (onnx/text_model.onnx and text_model_quantized.onnx) and, for `search`, its
// image towers, which embed a few pictures first. Peers, on the same files and prompts: ONNX Runtime from Python, and
// transformers.js. `of the runtime`: p50 of this program divided by that of ONNX Runtime, the median of five turns.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openOnnxEncoder } from '../dist/models/runtime/onnx-encoder.js'
import { TextCache } from '../dist/models/runtime/text-cache.js'
import { loadTokenizer } from '../dist/models/runtime/tokenizer.js'
import { command, describeModel, NAME, PROGRAM, paint, specOf } from './support/model-home.mjs'
import { modelFolder, runPeer, runtimeTextPeer, transformersPeer } from './support/peers.mjs'
import { readOptions, report, round, say, spread } from './support/report.mjs'
import { makePrompts } from './support/text/prompts.mjs'

const options = readOptions({
  prompts: { type: 'string', default: '200' },
  repeats: { type: 'string', default: '10' },
  threads: { type: 'string', default: '0' },
  only: { type: 'string' },
})
const repeats = Number(options.repeats)
const folder = modelFolder()
const PEER = fileURLToPath(new URL('support/text/transformers-text.mjs', import.meta.url))
const TURNS = 5
const prompts = makePrompts(Number(options.prompts))
const precisions = ['int8', 'fp32'].filter(precision => existsSync(join(folder, specOf(precision).textFile)))

const tables = []
if (options.only !== 'search') tables.push({ title: 'one prompt, milliseconds', rows: await encoding() })
if (options.only !== 'encode') tables.push(await startUp())
await report(options, {
  bench: 'text',
  settings: { prompts: prompts.length, repeats, threads: options.threads },
  tables,
})

async function encoding() {
  const input = JSON.stringify(prompts)
  const rows = []
  for (const precision of precisions) {
    const turns = []
    for (let turn = 1; turn <= TURNS; turn++) {
      say(`encode: ${precision}, turn ${turn} of ${TURNS}`)
      turns.push({
        ours: await encodingHere(precision),
        runtime: await runPeer(runtimeTextPeer(), [folder, specOf(precision).textFile, options.threads], { input }),
      })
    }
    const js = await runPeer(transformersPeer(PEER), [folder, precision === 'int8' ? 'q8' : 'fp32'], { input })
    const { ours, runtime } = turns.at(-1)
    const ratios = turns.flatMap(({ ours, runtime }) => (runtime ? [middle(ours.ms) / middle(runtime.ms)] : []))
    const ratio = ratios.length > 0 ? { 'of the runtime': spread(ratios) } : {}
    rows.push({ encoder: 'this program', precision, ...figures(ours), ...ratio })
    rows.push({ encoder: 'this program, from the cache', precision, ...percentiles(ours.again) })
    rows.push({ encoder: 'tokenizer alone', precision, ...percentiles(await tokenizing()) })
    if (runtime) rows.push({ encoder: 'ONNX Runtime, Python', precision, ...figures(runtime) })
    if (js) rows.push({ encoder: 'transformers.js', precision, ...figures(js) })
  }
  return rows
}

async function encodingHere(precision) {
  const startedAt = performance.now()
  const encoder = await openOnnxEncoder(specOf(precision), folder, { towers: 'text', threads: Number(options.threads) })
  const openMs = performance.now() - startedAt
  const cached = new TextCache(prompts.length).before(encoder)
  const encode = prompt => timed(() => cached.encodeTexts([prompt]))
  const firstMs = await encode('the first of all')
  const ms = []
  const before = process.cpuUsage()
  for (const prompt of prompts) ms.push(await encode(prompt))
  const { user, system } = process.cpuUsage(before)
  const again = []
  for (const prompt of prompts) again.push(await encode(prompt))
  await encoder.close()
  return { openMs, firstMs, ms, again, coreMs: (user + system) / 1000 / prompts.length }
}

function figures({ openMs, firstMs, ms, coreMs }) {
  const before = { 'tower and tokenizer opened': round(openMs), 'first prompt': round(firstMs) }
  return { ...before, ...percentiles(ms), 'core ms': round(coreMs) }
}

function middle(ms) {
  return ms.toSorted((a, b) => a - b)[Math.floor(ms.length / 2)]
}

async function tokenizing() {
  const tokenizer = await loadTokenizer(folder, 77)
  const ms = []
  for (const prompt of prompts) ms.push(await timed(async () => tokenizer.encode(prompt)))
  return ms
}

async function timed(work) {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

function percentiles(ms) {
  const sorted = ms.toSorted((a, b) => a - b)
  const at = share => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
  return { p50: at(0.5), p95: at(0.95) }
}

/** Of a whole command, from its start to the first line it prints, and its CPU time. */
async function startUp() {
  const home = mkdtempSync(join(tmpdir(), 'bench-text-'))
  try {
    const env = {
      UNSPLASH_CLIP_HOME: join(home, 'demo'),
      MODEL_FOLDERS: describeModel(home, precisions),
      LOG_LEVEL: 'error',
    }
    say('search: 40 rendered scenes, and 8 pictures with the model')
    await command(['demo', '--count', '40', '--folder', env.UNSPLASH_CLIP_HOME], env)
    await paint(join(home, 'pictures'))
    for (const precision of precisions)
      await command(['ingest', join(home, 'pictures'), '--model', `${NAME}@${precision}`, '--processes', '1'], env)
    const models = ['demo@fp32', ...precisions.map(precision => `${NAME}@${precision}`)]
    const cases = [
      ['node alone', ['-e', 'console.log(1)']],
      ['--version', [PROGRAM, '--version']],
      ['status', [PROGRAM, 'status']],
      ...models.map(model => [`search, ${model}`, [PROGRAM, 'search', 'a dog in the snow', '--model', model]]),
    ]
    const figures = cases.map(() => [])
    for (let turn = 0; turn < repeats; turn++) {
      say(`search: repeat ${turn + 1} of ${repeats}`)
      for (const [index, [, parameters]] of cases.entries()) figures[index].push(await started(parameters, env))
    }
    await command(['db', 'stop'], env)
    const rows = cases.map(([name], index) => ({
      command: name,
      'first line after ms': spread(figures[index].map(({ firstMs }) => firstMs)),
      'core ms': spread(figures[index].map(({ coreMs }) => coreMs)),
    }))
    return { title: 'start-up, embedded database running', rows }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

async function started(parameters, env) {
  const tell = `import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(3, JSON.stringify(process.cpuUsage())))`
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, ...parameters],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    },
  )
  let [firstMs, usage] = [Number.NaN, '']
  child.stdout.once('data', () => (firstMs = performance.now() - startedAt)).resume()
  child.stdio[3].on('data', data => (usage += data))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}`)
  const { user, system } = JSON.parse(usage)
  return { firstMs, coreMs: (user + system) / 1000 }
}
