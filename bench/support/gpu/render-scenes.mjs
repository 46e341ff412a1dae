// Renders scenes of the demo as JPEGs for bench/gpu.sh. Parameters: FOLDER COUNT SIDE. Pictures that are there stay.
//
// SIDE is the longer side in pixels. They get noise like that of a sensor: areas of one colour would decode in no time.
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import sharp from 'sharp'
import { composeScene } from '../../../dist/demo-scenes/scenes.js'
import { say } from '../report.mjs'

const [folder, count, longest] = process.argv.slice(2)
const side = Number(longest)
const FIRST_SEED = 5_000_000
/** Makes files as large as those of photographs of that size. */
const NOISE = { type: 'gaussian', mean: 128, sigma: 20 }

const fileOf = seed => join(folder, `scene-${seed}.jpg`)
const wanted = Array.from({ length: Number(count) }, (_, i) => FIRST_SEED + i)
const open = wanted.filter(seed => !existsSync(fileOf(seed)))
if (open.length > 0) await renderAll()

async function renderAll() {
  say(`Rendering ${open.length} scenes of ${side} pixels into ${folder}`)
  mkdirSync(folder, { recursive: true })
  sharp.concurrency(1)
  const raw = { width: side, height: side, channels: 3 }
  const noise = await sharp({ create: { ...raw, background: 'grey', noise: NOISE } })
    .raw()
    .toBuffer()
  const limit = pLimit(availableParallelism())
  await Promise.all(open.map(seed => limit(render, seed, sharp(noise, { raw }))))
}

async function render(seed, noise) {
  const { svg, width, height } = composeScene(seed)
  const scale = side / Math.max(width, height)
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) }
  const cut = await noise
    .extract({ left: 0, top: 0, ...size })
    .raw()
    .toBuffer()
  // 72 dots per inch give the size that the scene names.
  const drawn = sharp(Buffer.from(svg), { density: 72 * scale }).resize({ ...size, fit: 'fill' })
  await drawn
    .flatten({ background: 'white' })
    .composite([{ input: cut, raw: { ...size, channels: 3 }, blend: 'soft-light' }])
    .jpeg({ quality: 85 })
    .toFile(`${fileOf(seed)}.part`)
  renameSync(`${fileOf(seed)}.part`, fileOf(seed))
}
