// This program's side of decode.mjs. Parameters: FOLDER REPEATS pixels|tensor|fast|decode|copy|encode|both. One JSON object.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { clipInput } from '../../dist/src/domain/image-input.js'
import { PixelNormaliser } from '../../dist/src/models/pixels.js'
import { MODELS, resolveModel } from '../../dist/src/models/registry.js'
import { JpegThreads } from '../../dist/src/workers/jpeg-threads.js'
import { preprocess } from '../../dist/src/workers/preprocess.js'
import { smallJpeg } from '../../dist/src/workers/small-jpeg.js'
import { compress } from '../../dist/src/workers/store-copy.js'

const [folder, repeats, what] = process.argv.slice(2)
// As in a worker.
sharp.concurrency(1)
sharp.cache(false)
const files = readdirSync(folder).map(file => readFileSync(join(folder, file)))
const threads = new JpegThreads()
const settings = {
  input: clipInput(224),
  maxPixels: 120_000_000,
  jpegSquare: (image, wanted) => threads.square(image, wanted),
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
    let smaller
    const onSmaller = found => {
      smaller = found
    }
    const pixels = await preprocess(file, { ...settings, copy: { height: copy.height, onSmaller } })
    const jpeg = smallJpeg(file, copy) ?? (await compress(file, { ...copy, smaller }))
    for (const one of smaller ? [pixels, smaller.data] : [pixels]) threads.release(one)
    return jpeg
  },
}[what]

async function once() {
  for (const file of files) await work(file)
}

// Code is compiled while it runs first.
for (let i = 0; i < 2; i++) await once()
const before = process.cpuUsage()
for (let i = 0; i < repeats; i++) await once()
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ coreMs: (user + system) / 1000 / repeats / files.length }))
await threads.close()
