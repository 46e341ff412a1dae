// The peer of decode.mjs: transformers.js. Parameters: FOLDER REPEATS pixels|tensor MODEL_FOLDER. Prints one JSON object.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AutoProcessor, env, RawImage } from '@huggingface/transformers'

const [folder, repeats, what, model] = process.argv.slice(2)
env.localModelPath = dirname(resolve(model))
env.allowRemoteModels = false
const processor = await AutoProcessor.from_pretrained(basename(resolve(model)))
if (what === 'pixels') Object.assign(processor.image_processor, { do_rescale: false, do_normalize: false })
const files = readdirSync(folder).map(file => new Blob([readFileSync(join(folder, file))]))

async function once() {
  for (const file of files) await processor(await RawImage.fromBlob(file))
}

for (let i = 0; i < 2; i++) await once()
const before = process.cpuUsage()
for (let i = 0; i < repeats; i++) await once()
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ coreMs: (user + system) / 1000 / repeats / files.length }))
