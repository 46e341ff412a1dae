// The scenes that the test ingests, as files: render-scenes.ts FOLDER
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDemoDataset } from '../../src/demo/demo-dataset.js'
import { SCENES } from '../../test/pipeline/efficientnet/weights.js'

const [folder = ''] = process.argv.slice(2)
await mkdir(folder, { recursive: true })
const dataset = await createDemoDataset(SCENES, join(folder, 'dataset'), () => {}, new AbortController().signal)
for (const id of dataset.scenes.keys()) {
  const image = await fetch(`http://${dataset.host}/${id}.jpg`)
  await writeFile(join(folder, `${id}.jpg`), Buffer.from(await image.arrayBuffer()))
}
await dataset.close()
