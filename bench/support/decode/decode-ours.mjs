// This program's side of decode.mjs. Parameters: FOLDER REPEATS pixels|tensor|fast|decode|copy|encode|both. One JSON object.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { clipInput } from '../../../dist/domain/image-input.js'
import { decode, preprocess } from '../../../dist/images/decode.js'
import { JpegThreads } from '../../../dist/images/jpeg-threads.js'
import { smallJpeg } from '../../../dist/images/small-jpeg.js'
import { compress } from '../../../dist/images/store-copy.js'
import { MODELS, resolveModel } from '../../../dist/models/catalog/registry.js'
import { PixelNormaliser } from '../../../dist/models/runtime/pixels.js'

const [folder, repeats, what] = process.argv.slice(2)
// As in a worker.
sharp.concurrency(1)
sharp.cache(false)
const files = readdirSync(folder).map(file => readFileSync(join(folder, file)))
const threads = new JpegThreads()
const settings = {
  input: clipInput(224),
  maxPixels: 120_000_000,
  threads,
}
const copy = { height: 512, quality: 65, maxPixels: settings.maxPixels }
const { mean, std } = resolveModel('clip-vit-b-32@fp32', MODELS)
const normaliser = new PixelNormaliser(224, mean, std, 'float32')

const work = {
  pixels: async file => threads.release(await preprocess(file, settings)),
  fast: async file => threads.release(await preprocess(file, { ...settings, mode: 'fast' })),
  async tensor(file) {
    const pixels = await preprocess(file, settings)
    normaliser.normalise([pixels])
    threads.release(pixels)
  },
  decode: file => sharp(file).raw().toBuffer(),
  copy: async file => smallJpeg(file, copy) ?? (await compress(file, copy)),
  encode: file => compress(file, copy),
  async both(file) {
    const { square, preview } = await decode(file, { ...settings, copyHeight: copy.height })
    const jpeg = preview ? await compress(preview, copy) : (smallJpeg(file, copy) ?? (await compress(file, copy)))
    for (const one of preview ? [square, preview.data] : [square]) threads.release(one)
    return jpeg
  },
}[what]

async function once() {
  for (const file of files) await work(file)
}

// Code is compiled while it runs first.
for (let i = 0; i < 2; i++) await once()
const [before, startedAt] = [process.cpuUsage(), performance.now()]
for (let i = 0; i < repeats; i++) await once()
const { user, system } = process.cpuUsage(before)
const photos = repeats * files.length
const photosPerSecond = (1000 * photos) / (performance.now() - startedAt)
console.log(JSON.stringify({ coreMs: (user + system) / 1000 / photos, photosPerSecond }))
await threads.close()
