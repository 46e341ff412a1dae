// The peer of text.mjs: transformers.js embeds prompts. Parameters: FOLDER DTYPE. Reads a JSON list of prompts from stdin,
// prints one JSON object.
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { AutoTokenizer, CLIPTextModelWithProjection, env } from '@huggingface/transformers'

const [folder, dtype] = process.argv.slice(2)
const prompts = JSON.parse(readFileSync(0, 'utf8'))
env.localModelPath = dirname(resolve(folder))
env.allowRemoteModels = false
const startedAt = performance.now()
const name = basename(resolve(folder))
const tokenizer = await AutoTokenizer.from_pretrained(name)
const model = await CLIPTextModelWithProjection.from_pretrained(name, { dtype })
const openMs = performance.now() - startedAt

const firstMs = await encode('the first of all')
const ms = []
const before = process.cpuUsage()
for (const prompt of prompts) ms.push(await encode(prompt))
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ openMs, firstMs, ms, coreMs: (user + system) / 1000 / ms.length }))

async function encode(text) {
  const startedAt = performance.now()
  const { text_embeds } = await model(tokenizer([text], { padding: false, truncation: true }))
  text_embeds.normalize(2, -1)
  return performance.now() - startedAt
}
