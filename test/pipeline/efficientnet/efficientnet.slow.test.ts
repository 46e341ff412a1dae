import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDemoDataset, type DemoDataset } from '../../../src/demo/demo-dataset.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { Sandbox, withoutWaits } from '../../support/cli.js'
import { SCENES, type Weights, weightBytes } from './weights.js'

const HERE = resolve('test/pipeline/efficientnet')
const MINUTE = 60_000
const DIMENSION = 1792

interface About {
  config: { input_size: number[]; interpolation: string; crop_pct: number; mean: number[]; std: number[] }
  weights: Weights[]
}

/** The graph that timm exports of EfficientNet-B4, with random weights: see tools/efficientnet. */
describe('EfficientNet-B4, as in the last notebook of the tutorial', () => {
  let sandbox: Sandbox
  let dataset: DemoDataset
  const embeddings = new Map<string, number[]>()

  beforeAll(async () => {
    sandbox = await Sandbox.create({}, { hosted: true })
    const folder = join(sandbox.home, 'efficientnet-b4')
    await writeModel(folder)
    dataset = await createDemoDataset(SCENES, join(sandbox.home, 'dataset'), () => {}, new AbortController().signal)
    Object.assign(sandbox.environment, { MODEL_FOLDERS: folder, ALLOW_HOSTS: dataset.host, HOST_RATE: '0' })
    for (const model of ['demo', 'efficientnet-b4']) {
      const run = await sandbox.run('ingest', dataset.tsv, '--processes', '1', '--model', model, '--json')
      expect(run.objects().at(-1), withoutWaits(run.stderr)).toMatchObject({ photos: SCENES, done: SCENES, failed: 0 })
    }
    const database = new pg.Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
    await database.connect()
    const { rows } = await database.query(
      `select photo_id as id, embedding::text as text from embeddings e join models m on m.id = e.model_id
        where m.name = 'efficientnet-b4' order by photo_id`,
    )
    for (const { id, text } of rows) embeddings.set(id, JSON.parse(text))
    await database.end()
  }, 8 * MINUTE)
  afterAll(async () => {
    await dataset?.close()
    await sandbox?.close()
  })

  test('its features are those that timm computes with its own preprocessing', async () => {
    const expected = await readMatrix(join(HERE, 'expected.npy'))
    const found = [...embeddings.values()]
    expect(found.map(({ length }) => length)).toEqual(expected.map(() => DIMENSION))
    const mean = Array.from({ length: DIMENSION }, (_, j) => expected.reduce((sum, row) => sum + row[j]!, 0) / SCENES)
    const centred = (row: ArrayLike<number>) => mean.map((value, j) => row[j]! - value)
    for (const [i, row] of found.entries()) {
      expect(cosineSimilarity(row, [...expected[i]!])).toBeGreaterThan(0.9995)
      expect(cosineSimilarity(centred(row), centred(expected[i]!))).toBeGreaterThan(0.99)
    }
  })

  test('photos are classified by its vectors, and by those of both models side by side', async () => {
    for (const models of [['efficientnet-b4@fp32'], ['demo@fp32', 'efficientnet-b4@fp32']]) {
      const options = models.flatMap(model => ['--model', model])
      const { stderr, objects } = await sandbox.run(
        ...['analyze', 'classify', 'photo_location_country', '--min-photos', '2', '--folds', '0', '--json', ...options],
      )
      expect(stderr).toBe('')
      const [about, ...methods] = objects()
      expect(about).toMatchObject({ models, train: expect.any(Number) })
      expect(methods.map(({ method }) => method)).toEqual([
        'majority baseline',
        'logistic regression',
        'random forest',
        '5 nearest',
      ])
    }
  })

  test('similar photos are found by it, and words are refused', async () => {
    const like = await sandbox.run('search', '--like', 'scene-00003', '--model', 'efficientnet-b4', '-k', '3', '--json')
    expect(like.objects()).toHaveLength(3)
    const words = await sandbox.run('search', 'a dog', '--model', 'efficientnet-b4')
    expect([words.code, words.stderr]).toEqual([2, expect.stringMatching(/^MODEL_WITHOUT_TEXT: /)])
  })
})

/** As docs/guides/models.md says. */
async function writeModel(folder: string): Promise<void> {
  const { config, weights } = JSON.parse(await readFile(join(HERE, 'model.json'), 'utf8')) as About
  await mkdir(join(folder, 'onnx'), { recursive: true })
  await copyFile(join(HERE, 'model.onnx'), join(folder, 'onnx/model.onnx'))
  await writeFile(join(folder, 'onnx/model.onnx_data'), weightBytes(weights))
  const entry = {
    name: 'efficientnet-b4',
    license: 'Apache-2.0',
    dimension: DIMENSION,
    input: {
      size: config.input_size[1],
      fit: 'crop',
      cropShare: config.crop_pct,
      kernel: config.interpolation,
    },
    ...{ mean: config.mean, std: config.std },
    ...{ scoring: 'softmax', logitScale: 100, logitBias: 0 },
    defaultPrecision: 'fp32',
    precisions: { fp32: { vision: 'onnx/model.onnx', others: ['onnx/model.onnx_data'] } },
  }
  await writeFile(join(folder, 'model.json'), JSON.stringify(entry))
}
