/**
 * Renders the training scenes for train.py: `npx tsx tools/demo-model/render-dataset.ts FOLDER`.
 *
 * FOLDER/images.u8 holds bytes [scenes, 112, 112, 3]; FOLDER/scenes.jsonl one scene a line, with the atoms that hold for
 * it and captions with the atoms that they state.
 */
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import sharp from 'sharp'
import { trainingCaptions } from '../../src/demo-scenes/captions.js'
import { cropPixels, halve } from '../../src/demo-scenes/pixels.js'
import { createRandom } from '../../src/demo-scenes/random.js'
import { composeScene, renderScene } from '../../src/demo-scenes/scenes.js'
import { TRAINING_SEEDS } from '../../src/demo-scenes/seeds.js'
import { atomsOfFacts, atomsOfTruth } from '../../src/demo-scenes/truth.js'

const CAPTIONS_PER_SCENE = 32
const CONCURRENCY = 2

const folder = process.argv[2]
if (!folder) throw new Error('Expected a folder to write the training scenes to: node render-dataset.js FOLDER')
await renderDataset(folder, TRAINING_SEEDS.from, TRAINING_SEEDS.count)

async function renderDataset(folder: string, from: number, count: number): Promise<void> {
  sharp.concurrency(1)
  await mkdir(folder, { recursive: true })
  const images = await open(path.join(folder, 'images.u8.partial'), 'w')
  const lines = await open(path.join(folder, 'scenes.jsonl'), 'w')
  for (let start = 0; start < count; start += CONCURRENCY) {
    const seeds = Array.from({ length: Math.min(CONCURRENCY, count - start) }, (_, i) => from + start + i)
    const rendered = await Promise.all(seeds.map(trainingScene))
    for (const { pixels, line } of rendered) {
      await images.write(pixels)
      await lines.write(`${line}\n`)
    }
    if (process.stderr.isTTY && start % 200 === 0) process.stderr.write(`\rrendered ${start} of ${count}`)
  }
  await images.close()
  await lines.close()
  await rename(path.join(folder, 'images.u8.partial'), path.join(folder, 'images.u8'))
}

async function trainingScene(seed: number): Promise<{ pixels: Uint8Array; line: string }> {
  const scene = composeScene(seed)
  const random = createRandom(seed ^ 0x3c6ef372)
  const jpeg = await renderScene(scene, random.integer(60, 95))
  const captions = trainingCaptions(scene.truth, random, CAPTIONS_PER_SCENE).map(({ text, facts }) => ({
    text,
    atoms: atomsOfFacts(facts),
  }))
  const line = JSON.stringify({ seed, atoms: [...atomsOfTruth(scene.truth)], captions })
  return { pixels: halve(await cropPixels(jpeg)), line }
}
