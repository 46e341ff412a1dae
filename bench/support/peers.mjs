// Peers and data of the benchmarks. bench/peers/prepare.sh makes all but the photos in .bench/; the environment names others:
//
//   PHOTOS             a folder of JPEGs
//   MODEL_FOLDER       a model in the Hugging Face layout with a model.json (default: .bench/hub-clip)
//   PEER_PYTHON        Python with the packages of bench/peers/requirements.txt (default: .bench/python)
//   PEER_TRANSFORMERS  a folder in which @huggingface/transformers is installed (default: .bench/transformers)
//   PEER_RETRIEVAL     Python beside which clip-retrieval is installed (default: .bench/clip-retrieval)
//
// A missing peer is announced, and the rest runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { peakMib } from './cpu.mjs'
import { say } from './report.mjs'

const WATCH_MS = 200

const peerScript = name => fileURLToPath(new URL(`../peers/${name}`, import.meta.url))
const prepared = path => fileURLToPath(new URL(`../../.bench/${path}`, import.meta.url))
const PREPARE = 'set it, or run bench/peers/prepare.sh'

/** @returns {string | null} a Python with the packages of the peers; null if there is none */
export function peerPython() {
  const python = process.env.PEER_PYTHON || prepared('python/bin/python')
  return existsSync(python) ? python : missing(`PEER_PYTHON: there is no ${python}; ${PREPARE}`)
}

/**
 * Measures PyTorch, ONNX Runtime or OpenVINO on the photos of PHOTOS: see bench/peers/peers.py.
 * @param options.pixels whether only the model counts, on pixels computed beforehand
 * @returns {Promise<{ images_per_s: number, core_ms_per_image: number, peak_mib: number } | null>}
 */
export function runRuntime(system, { photos, processes, threads, batch, pixels = false }) {
  const python = peerPython()
  const numbers = Object.entries({ count: photos, processes, threads, batch }).flatMap(([name, n]) => [`--${name}`, n])
  const parameters = [system, modelFolder(), photosFolder(), ...numbers, ...(pixels ? ['--pixels'] : [])]
  return runPeer(python && [python, peerScript('peers.py')], parameters)
}

/** @returns {string[] | null} the command that embeds prompts with ONNX Runtime from Python; null if there is none */
export function runtimeTextPeer() {
  const python = peerPython()
  return python && [python, peerScript('onnxruntime_text.py')]
}

/** Measures `clip-retrieval inference`. */
export function runClipRetrieval(photos) {
  const python = process.env.PEER_RETRIEVAL || prepared('clip-retrieval/bin/python')
  if (!existsSync(python)) return missing(`PEER_RETRIEVAL: there is no ${python}; ${PREPARE}`)
  return runPeer([python, peerScript('clip_retrieval.py')], [modelFolder(), photosFolder(), '--count', photos])
}

/**
 * @param script its path; default: the one that embeds photos
 * @returns {string[] | null} the command that runs it with @huggingface/transformers; null if that is impossible
 */
export function transformersPeer(script = peerScript('transformersjs.mjs')) {
  const folder = process.env.PEER_TRANSFORMERS || prepared('transformers')
  if (!existsSync(join(folder, 'node_modules', '@huggingface', 'transformers')))
    return missing(`PEER_TRANSFORMERS: @huggingface/transformers is not installed in ${folder}; ${PREPARE}`)
  // Node resolves packages beside the script, not in the current folder, so the script is loaded as if it lay there.
  return [process.execPath, '--import', hookFor(resolve(folder)), script]
}

/**
 * Runs a peer.
 * @returns the JSON object on the last line of its stdout, and `peakMib`: the largest resident set it had; null where there
 * is no peer, or it failed
 */
export async function runPeer(command, parameters, { env = {}, input = '' } = {}) {
  if (command === null) return null
  const child = spawn(command[0], [...command.slice(1), ...parameters.map(String)], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => (out += text))
  child.stderr.setEncoding('utf8').on('data', text => (err += text))
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, peakMib(child.pid))
  }, WATCH_MS)
  const [code] = await once(child, 'close')
  clearInterval(watch)
  process.off('exit', kill)
  if (code === 0) return { ...JSON.parse(out.trim().split('\n').at(-1)), peakMib: peak }
  return missing(`${basename(command.at(-1))} ended with ${code}:\n${err.slice(-2000)}`)
}

/** @returns the JPEGs of PHOTOS, in order, at most `count` */
export function photoFiles(count = Number.POSITIVE_INFINITY) {
  const folder = photosFolder()
  return readdirSync(folder)
    .filter(file => /\.jpe?g$/i.test(file))
    .sort()
    .slice(0, count)
    .map(file => join(folder, file))
}

export function photosFolder() {
  return needed('PHOTOS', 'a folder of JPEGs')
}

export function modelFolder() {
  const twin = prepared('hub-clip')
  if (!process.env.MODEL_FOLDER && existsSync(join(twin, 'model.json'))) return twin
  return needed('MODEL_FOLDER', 'a model in the Hugging Face layout, or run bench/peers/prepare.sh')
}

function needed(name, what) {
  const value = process.env[name]
  if (value && existsSync(value)) return resolve(value)
  throw new Error(`Set ${name} to ${what}; found ${value ? `${value}, which does not exist` : 'nothing'}.`)
}

function missing(why) {
  say(`\n!!! NO PEER: ${why}\n`)
  return null
}

/** A module that makes bare imports resolve from a folder. */
function hookFor(folder) {
  const parent = JSON.stringify(new URL(`file://${folder}/`).href)
  const hooks = `export const resolve = (name, context, next) =>
    next(name, name === '@huggingface/transformers' ? { ...context, parentURL: ${parent} } : context)`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})`
  return `data:text/javascript,${encodeURIComponent(register)}`
}
