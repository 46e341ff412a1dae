/** Measures the demo model on the held-out scenes: `node evaluate.js [MODEL_FOLDER] [--json]`. */
import sharp from 'sharp'
import { HELD_OUT_SEEDS } from '../../src/demo-scenes/seeds.js'
import { type Evaluation, evaluate } from './evaluation.js'
import { demoModelFolder, openDemoModel } from './model.js'

const words = process.argv.slice(2)
sharp.concurrency(1)
const model = await openDemoModel(words.find(word => !word.startsWith('-')) ?? (await demoModelFolder()))
const figures = await evaluate(model, HELD_OUT_SEEDS.from, HELD_OUT_SEEDS.count)
await model.close()
process.stdout.write(words.includes('--json') ? `${JSON.stringify(figures)}\n` : table(figures))

function table(figures: Evaluation): string {
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`
  const lines = [
    `held-out scenes            ${figures.scenes}`,
    `time of day, zero-shot     ${percent(figures.time)}   (at least 95 %)`,
    `indoor/outdoor, zero-shot  ${percent(figures.space)}   (at least 95 %)`,
    `mean precision@10          ${figures.precisionAt10.toFixed(3)}    (at least 0.9)`,
    `neighbours, same main      ${percent(figures.neighboursSameMain)}   (at least 85 %)`,
    `vision tower, one thread   ${figures.imagesPerSecond} images/s`,
    '',
    'precision@10  relevant  query',
    ...figures.queries.map(({ text, relevant, precisionAt10, counted }) =>
      [
        precisionAt10.toFixed(1).padStart(12),
        String(relevant).padStart(9),
        ` ${text}${counted ? '' : ' (not counted)'}`,
      ].join(' '),
    ),
  ]
  return `${lines.join('\n')}\n`
}
