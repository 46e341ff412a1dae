// A process that embeds prompts as a search does, and nothing else; the model comes from the settings. It prints how long the
// text tower and the tokenizer took to open and the first prompt after that. Each line on stdin is a JSON list of prompts that
// it was never asked for; it prints the time of each. The list `["tokenizer"]` times the tokenizer alone on them all.
import { createInterface } from 'node:readline'
import { compose } from '../../../dist/compose/app.js'
import { readConfig } from '../../../dist/config.js'
import { modelFolder } from '../../../dist/models/files/files.js'
import { loadTokenizer } from '../../../dist/models/runtime/tokenizer.js'

const startedAt = performance.now()
const app = compose(readConfig(process.env))
const { spec, folder } = app.models
const encoder = await app.models.openEncoder(app.config.MODEL, 'text', new AbortController().signal)
const openMs = performance.now() - startedAt
const firstMs = await timed(() => encoder.encodeTexts(['the first of all']))
console.log(JSON.stringify({ openMs, firstMs }))

const asked = []
for await (const line of createInterface({ input: process.stdin })) {
  const prompts = JSON.parse(line)
  console.log(JSON.stringify(prompts[0] === 'tokenizer' ? await tokenize() : await embed(prompts)))
}
await encoder.close()
await app.close()

async function embed(prompts) {
  asked.push(...prompts)
  const ms = []
  const before = process.cpuUsage()
  for (const prompt of prompts) ms.push(await timed(() => encoder.encodeTexts([prompt])))
  const { user, system } = process.cpuUsage(before)
  // maxRSS is in KiB: https://nodejs.org/api/process.html#processresourceusage
  const peakMib = process.resourceUsage().maxRSS / 1024
  return { ms, coreMs: (user + system) / 1000 / prompts.length, peakMib }
}

async function tokenize() {
  const tokenizer = await loadTokenizer(modelFolder(spec, folder), spec.text.contextLength, spec.text)
  const ms = []
  for (const prompt of asked) ms.push(await timed(async () => tokenizer.encode(prompt)))
  return { ms }
}

async function timed(work) {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
