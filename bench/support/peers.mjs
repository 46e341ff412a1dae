// Peers and data of the benchmarks lie outside this repository. The environment names them:
//
//   PEER_PYTHON        Python with torch, torchvision and Pillow (default: /usr/bin/python3)
//   PEER_TRANSFORMERS  a folder in which @huggingface/transformers is installed
//   PEER_SCRIPTS       a folder with the scripts that run them: seed_baseline.py, transformersjs_baseline.mjs
//   PHOTOS             a folder of JPEGs
//   MODEL_FOLDER       a model in the Hugging Face layout: config.json, onnx/vision_model.onnx, …
//
// A missing peer is announced, and the rest runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { peakMib } from './cpu.mjs'
import { say } from './report.mjs'

const WATCH_MS = 200

/** @returns {string[] | null} the command that runs a script of PEER_SCRIPTS with PEER_PYTHON; null if that is impossible */
export function pythonPeer(script) {
  const python = process.env.PEER_PYTHON || '/usr/bin/python3'
  const file = peerScript(script)
  if (!existsSync(python)) return missing(`PEER_PYTHON: there is no ${python}`)
  return file && [python, file]
}

/**
 * @param script of PEER_SCRIPTS or, as a path, any other
 * @returns {string[] | null} the command that runs it with @huggingface/transformers; null if that is impossible
 */
export function transformersPeer(script) {
  const folder = process.env.PEER_TRANSFORMERS
  if (!folder) return missing('PEER_TRANSFORMERS is not set: a folder in which @huggingface/transformers is installed')
  if (!existsSync(join(folder, 'node_modules', '@huggingface', 'transformers')))
    return missing(`PEER_TRANSFORMERS: @huggingface/transformers is not installed in ${folder}`)
  const file = existsSync(script) ? script : peerScript(script)
  // Node resolves packages beside the script, not in the current folder, so the script is loaded as if it lay there.
  return file && [process.execPath, '--import', hookFor(resolve(folder)), file]
}

/**
 * Runs a peer.
 * @returns the JSON object on the last line of its stdout, and `peakMib`: the largest resident set it had; null where there
 * is no peer, or it failed
 */
export async function runPeer(command, parameters, { env = {} } = {}) {
  if (command === null) return null
  const child = spawn(command[0], [...command.slice(1), ...parameters.map(String)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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
  return needed('MODEL_FOLDER', 'a model in the Hugging Face layout (config.json, onnx/vision_model.onnx)')
}

function needed(name, what) {
  const value = process.env[name]
  if (value && existsSync(value)) return resolve(value)
  throw new Error(`Set ${name} to ${what}; found ${value ? `${value}, which does not exist` : 'nothing'}.`)
}

function peerScript(script) {
  const folder = process.env.PEER_SCRIPTS
  if (!folder) return missing(`PEER_SCRIPTS is not set: a folder with ${script}`)
  const file = join(folder, script)
  return existsSync(file) ? resolve(file) : missing(`PEER_SCRIPTS: there is no ${file}`)
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
