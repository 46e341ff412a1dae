// What a Node user would choose instead: transformers.js on the same photos and the same model folder.
//
// usage: node transformersjs.mjs MODEL_FOLDER IMAGE_FOLDER [COUNT] [BATCH] [fp32|q8]      prints one JSON line
//
// @huggingface/transformers must resolve from this file; bench/support/peers.mjs sees to it.
import { readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AutoProcessor, CLIPVisionModelWithProjection, env, RawImage } from '@huggingface/transformers'

const [folder, images, count = 200, batch = 32, dtype = 'fp32'] = process.argv.slice(2)
env.allowRemoteModels = false
env.localModelPath = `${dirname(resolve(folder))}/`
const processor = await AutoProcessor.from_pretrained(basename(folder))
const model = await CLIPVisionModelWithProjection.from_pretrained(basename(folder), { dtype, device: 'cpu' })
const files = readdirSync(images)
  .filter(file => file.endsWith('.jpg'))
  .sort()
  .slice(0, Number(count))
  .map(file => join(images, file))
await embed(files.slice(0, 1))
const startedAt = performance.now()
for (let at = 0; at < files.length; at += Number(batch)) await embed(files.slice(at, at + Number(batch)))
const seconds = (performance.now() - startedAt) / 1000
console.log(JSON.stringify({ system: 'transformers.js', images: files.length, images_per_s: files.length / seconds }))

async function embed(some) {
  await model(await processor(await Promise.all(some.map(file => RawImage.read(file)))))
}
