// Decodes every file of a folder as a worker does, one after the other, in a process of its own so that the peak of the
// memory is its own. Prints one line of JSON: what became of each file, and the peak in bytes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { clipInput } from '../../dist/domain/image-input.js'
import { preprocess } from '../../dist/images/decode.js'
import { storeCopy } from '../../dist/images/store-copy.js'

const [folder, copies] = process.argv.slice(2)
const maxPixels = 120_000_000
sharp.concurrency(1)
sharp.cache(false)

const outcomes = {}
for (const name of readdirSync(folder)) outcomes[name] = await decode(name)
console.log(JSON.stringify({ outcomes, peakBytes: process.resourceUsage().maxRSS * 1024 }))

async function decode(name) {
  const image = readFileSync(join(folder, name))
  try {
    const pixels = await preprocess(image, { input: clipInput(224), maxPixels })
    const store = { has: async () => false, put: async (_key, copy) => writeFileSync(join(copies, name), copy) }
    await storeCopy(image, 'photo', store, { height: 512, quality: 65, maxPixels })
    return pixels.length === 224 * 224 * 3 ? 'ok' : `${pixels.length} bytes`
  } catch (error) {
    return error.name === 'PhotoError' ? error.code : `${error}`
  }
}
