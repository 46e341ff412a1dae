import { cropPixels } from '../../src/demo-scenes/pixels.js'
import { composeScene, renderScene } from '../../src/demo-scenes/scenes.js'
import { holds, SPACES, TIMES, type Truth } from '../../src/demo-scenes/truth.js'
import { type DemoModel, dot } from './model.js'
import { QUERIES } from './queries.js'

/** What the demo model reaches on scenes that it has not seen. Shares are between 0 and 1. */
export interface Evaluation {
  scenes: number
  /** Share of scenes whose time of day the zero-shot prompts get right. */
  time: number
  /** The same for indoor and outdoor. */
  space: number
  /** Mean precision at 10 over the queries that have at least 10 relevant scenes. */
  precisionAt10: number
  queries: { text: string; relevant: number; precisionAt10: number; counted: boolean }[]
  /** Share of the 10 nearest neighbours (image to image) that show the same main object. */
  neighboursSameMain: number
  /** Vision tower alone, one thread. */
  imagesPerSecond: number
}

const BATCH = 32
const TOP = 10

/** Renders the scenes of `count` seeds from `from` on and measures the model on them. */
export async function evaluate(model: DemoModel, from: number, count: number): Promise<Evaluation> {
  const truths: Truth[] = []
  const images: Float32Array[] = []
  let visionMs = 0
  for (let start = 0; start < count; start += BATCH) {
    const scenes = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => composeScene(from + start + i))
    const pixels = await Promise.all(scenes.map(async scene => cropPixels(await renderScene(scene))))
    const begun = performance.now()
    images.push(...(await model.embedImages(pixels)))
    visionMs += performance.now() - begun
    truths.push(...scenes.map(({ truth }) => truth))
  }
  const times = await zeroShot(
    model,
    TIMES.map(time => `A photo taken at ${time}`),
    images,
  )
  const spaces = await zeroShot(
    model,
    SPACES.map(space => `A photo taken ${space}`),
    images,
  )
  const queries = await precision(model, images, truths)
  const counted = queries.filter(query => query.counted)
  return {
    scenes: count,
    time: share(truths, (truth, i) => truth.time === TIMES[times[i] as number]),
    space: share(truths, (truth, i) => truth.space === SPACES[spaces[i] as number]),
    precisionAt10: counted.reduce((sum, query) => sum + query.precisionAt10, 0) / counted.length,
    queries,
    neighboursSameMain: neighboursSameMain(images, truths),
    imagesPerSecond: Math.round((count / visionMs) * 1000),
  }
}

async function zeroShot(model: DemoModel, prompts: string[], images: Float32Array[]): Promise<number[]> {
  const texts = await model.embedTexts(prompts)
  return images.map(image => best(texts, image, 1)[0] as number)
}

async function precision(model: DemoModel, images: Float32Array[], truths: Truth[]): Promise<Evaluation['queries']> {
  const texts = await model.embedTexts(QUERIES.map(({ text }) => text))
  return QUERIES.map(({ text, facts }, i) => {
    const relevant = truths.map(truth => holds(facts, truth))
    const found = best(images, texts[i] as Float32Array, TOP)
    const total = relevant.filter(Boolean).length
    return {
      text,
      relevant: total,
      precisionAt10: found.filter(at => relevant[at]).length / TOP,
      counted: total >= TOP,
    }
  })
}

function neighboursSameMain(images: Float32Array[], truths: Truth[]): number {
  let same = 0
  for (const [i, image] of images.entries()) {
    const near = best(images, image, TOP + 1).filter(at => at !== i)
    same += near.slice(0, TOP).filter(at => truths[at]?.main === truths[i]?.main).length / TOP
  }
  return same / images.length
}

/** Positions of the `count` vectors with the highest cosine, best first. */
function best(vectors: Float32Array[], query: Float32Array, count: number): number[] {
  return vectors
    .map((vector, at) => ({ at, cosine: dot(vector, query) }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, count)
    .map(({ at }) => at)
}

function share(truths: Truth[], right: (truth: Truth, at: number) => boolean): number {
  return truths.filter(right).length / truths.length
}
