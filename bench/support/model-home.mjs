// Makes a home folder with the model of MODEL_FOLDER, and runs commands in it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { MODELS, resolveModel } from '../../dist/models/catalog/registry.js'
import { modelFolder } from './peers.mjs'

export const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
export const NAME = 'bench-text'

export function specOf(precision) {
  return resolveModel(`clip-vit-b-32@${precision}`, MODELS)
}

/** @returns a folder with the files of MODEL_FOLDER under the name {@link NAME} */
export function describeModel(home, precisions) {
  const folder = modelFolder()
  const described = join(home, 'model')
  mkdirSync(described)
  for (const file of ['onnx', 'config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'])
    symlinkSync(join(folder, file), join(described, file))
  const { dimension, input, mean, std, text, scoring, logitScale, logitBias } = specOf('fp32')
  const files = precision => ({ vision: specOf(precision).visionFile, text: specOf(precision).textFile })
  const model = {
    ...{ name: NAME, dimension, input, mean, std, text, scoring, logitScale, logitBias },
    defaultPrecision: precisions[0],
    precisions: Object.fromEntries(precisions.map(precision => [precision, files(precision)])),
  }
  writeFileSync(join(described, 'model.json'), JSON.stringify(model))
  return described
}

/** Eight pictures of one colour. */
export async function paint(into) {
  mkdirSync(into)
  for (let i = 0; i < 8; i++)
    await sharp({ create: { width: 320, height: 240, channels: 3, background: { r: i * 30, g: 99, b: 255 - i * 30 } } })
      .jpeg()
      .toFile(join(into, `${i}.jpg`))
}

/** Runs a command to its end and discards its output. */
export async function command(parameters, env) {
  const child = spawn(process.execPath, [PROGRAM, ...parameters], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}`)
}
