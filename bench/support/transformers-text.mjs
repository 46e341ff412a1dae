// The peer of text.mjs: transformers.js embeds the same prompts. Parameters: FOLDER DTYPE COUNT. Prints one JSON object.
import { basename, dirname, resolve } from 'node:path'
import { AutoTokenizer, CLIPTextModelWithProjection, env } from '@huggingface/transformers'

const [folder, dtype, count] = process.argv.slice(2)
env.localModelPath = dirname(resolve(folder))
env.allowRemoteModels = false
const startedAt = performance.now()
const name = basename(resolve(folder))
const tokenizer = await AutoTokenizer.from_pretrained(name)
const model = await CLIPTextModelWithProjection.from_pretrained(name, { dtype })
const openMs = performance.now() - startedAt

const words = 'a photo of dog snow night city cup table boat two people near old red house window sea light'.split(' ')
const firstMs = await encode('the first of all')
const ms = []
const before = process.cpuUsage()
for (let i = 0; i < Number(count); i++)
  ms.push(await encode(Array.from({ length: 4 + (i % 9) }, (_, k) => words[(i * 7 + k * 3) % words.length]).join(' ')))
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ openMs, firstMs, ms, coreMs: (user + system) / 1000 / ms.length }))

async function encode(text) {
  const startedAt = performance.now()
  const { text_embeds } = await model(tokenizer([text], { padding: false, truncation: true }))
  text_embeds.normalize(2, -1)
  return performance.now() - startedAt
}
