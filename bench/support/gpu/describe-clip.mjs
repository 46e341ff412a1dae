// Describes a folder with the files of CLIP ViT-B/32 in a model.json, under a name of its own, so that it serves as
// MODEL_FOLDER of the benchmarks. Parameters: FOLDER PRECISION…
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MODELS, resolveModel } from '../../../dist/models/catalog/registry.js'

const [folder, ...precisions] = process.argv.slice(2)
const specs = precisions.map(precision => resolveModel(`clip-vit-b-32@${precision}`, MODELS))
const { dimension, input, mean, std, text, scoring, logitScale, logitBias } = specs[0]
const model = {
  ...{ name: 'bench-clip-vit-b-32', dimension, input, mean, std, text, scoring, logitScale, logitBias },
  defaultPrecision: precisions[0],
  precisions: Object.fromEntries(
    specs.map(({ visionFile, textFile }, i) => [precisions[i], { vision: visionFile, text: textFile }]),
  ),
}
writeFileSync(join(folder, 'model.json'), `${JSON.stringify(model, null, 2)}\n`)
