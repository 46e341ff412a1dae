// Embeds the pictures and texts of the exported miniatures with the built program, on whatever CPU runs this
//
//   node embed.mjs FOLDER OUT
//
// FOLDER has a copy of test/models/exported, beside whose files digests are noted. Writes
// {"NAME@PRECISION": {images, texts}}.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { knownModels } from '../../../dist/models/catalog/model-folders.js'
import { openOnnxEncoder } from '../../../dist/models/runtime/onnx-encoder.js'

const [root, out] = process.argv.slice(2)
const { pictures, texts } = JSON.parse(readFileSync(join(root, 'inputs.json'), 'utf8'))
const found = {}
for (const entry of readdirSync(root, { withFileTypes: true })) {
  if (!entry.isDirectory()) continue
  const folder = join(root, entry.name)
  for (const spec of knownModels([folder]).filter(({ origin }) => origin.folder === folder)) {
    const encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both' })
    const images = pictures[spec.input.size].map(picture => Buffer.from(picture, 'base64'))
    found[`${entry.name}@${spec.precision}`] = {
      images: (await encoder.encodeImages(images)).map(row => [...row]),
      texts: encoder.hasTexts ? (await encoder.encodeTexts(texts)).map(row => [...row]) : [],
    }
    await encoder.close()
  }
}
writeFileSync(out, JSON.stringify(found))
