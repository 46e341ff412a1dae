// Cosine between the embedding of a photo and that of its stored copy: what --from-copies costs
//
//   PHOTOS=/photos npm run bench -- copies [--model demo] [--recompress] [--json] [--out FILE]
//
// PHOTOS is a folder of images, of which those that cannot be decoded are left out. Of a JPEG that is as small as a copy the
// copy is the file itself, so such photos are only counted; --recompress makes a copy of them, too. COPY_HEIGHT, COPY_QUALITY
// and the settings of models hold.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { cosineSimilarity } from '../../dist/domain/similarity.js'
import { decode } from '../../dist/images/decode.js'
import { JpegThreads } from '../../dist/images/jpeg-threads.js'
import { PixelBudget } from '../../dist/images/pixel-budget.js'
import { smallJpeg } from '../../dist/images/small-jpeg.js'
import { compress } from '../../dist/images/store-copy.js'
import { readOptions, report, round } from '../support/report.mjs'

const options = readOptions({
  model: { type: 'string', default: 'demo' },
  recompress: { type: 'boolean', default: false },
})
const app = compose(readConfig({ ...process.env, MODEL: options.model }))
const { COPY_HEIGHT: height, COPY_QUALITY: quality, MAX_IMAGE_PIXELS: maxPixels, MODEL } = app.config
const encoder = await app.models.openEncoder(MODEL, 'image', new AbortController().signal)
const threads = new JpegThreads()
const budget = new PixelBudget(64e6)
const squareOf = async image =>
  (await decode(image, { maxPixels, mode: 'exact', jpegDecoder: 'auto', threads, budget, input: encoder.input })).square
try {
  const cosines = []
  let [kept, broken] = [0, 0]
  for (const name of readdirSync(process.env.PHOTOS).sort()) {
    const image = readFileSync(join(process.env.PHOTOS, name))
    try {
      const isKept = smallJpeg(image, { height, quality }) !== null
      if (isKept) kept++
      if (isKept && !options.recompress) continue
      const copy = await compress(image, { height, quality, maxPixels, budget })
      const [original, again] = [await squareOf(image), await squareOf(copy)]
      const [a, b] = await encoder.encodeImages([original.slice(), again.slice()])
      for (const square of [original, again]) threads.release(square)
      cosines.push(cosineSimilarity(a, b))
    } catch {
      broken++
    }
  }
  cosines.sort((a, b) => a - b)
  const at = share => round(cosines[Math.floor(share * (cosines.length - 1))], 5)
  report(options, {
    bench: 'copies',
    settings: { model: options.model, height, quality, recompress: options.recompress },
    tables: [
      {
        title: 'Cosine between original and copy',
        rows: [{ photos: cosines.length, least: at(0), '5 %': at(0.05), median: at(0.5), kept, broken }],
      },
    ],
  })
} finally {
  await encoder.close()
  await threads.close()
  await app.close()
}
