import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeScene, renderScene } from '../../../src/demo-scenes/scenes.js'
import { EVERYDAY_PROMPTS } from '../../../src/domain/indexes/everyday-prompts.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { Sandbox } from '../../support/cli.js'
import { emptyPng, pngBomb } from '../../support/images/sample-images.js'

const COUNT = 40
const EXPORTED = join(import.meta.dirname, '..', '..', 'models', 'exported')
const DEMO = join(import.meta.dirname, '..', '..', '..', 'models', 'demo')

interface Figures {
  median: number
  fifthPercentile: number
  least: number
}

/** Miniatures read 16 tokens, fewer than some everyday texts have. */
const otherThanCutTexts = (stderr: string) =>
  stderr.split('\n').filter(line => line !== '' && !line.startsWith('The end of a text is ignored: '))

/** Two real models over a folder of rendered scenes, some of them damaged. */
describe('models compare with two models', () => {
  let sandbox: Sandbox
  const at = (...names: string[]) => join(sandbox.home, ...names)

  beforeAll(async () => {
    sandbox = await Sandbox.createEmpty()
    const models = ['hub', 'siglip', 'opsets', 'twin', 'squashed']
    // Copies, because digests are noted beside the files.
    for (const name of models.slice(0, 3)) await cp(join(EXPORTED, name), at(name), { recursive: true })
    await describeDemo('twin', {})
    await describeDemo('squashed', { fit: 'squash', kernel: 'bilinear' })
    Object.assign(sandbox.environment, { MODEL_FOLDERS: models.map(name => at(name)).join(',') })
    await mkdir(at('photos', 'more'), { recursive: true })
    for (let i = 0; i < COUNT; i++)
      await writeFile(at('photos', i % 2 ? 'more' : '', `${i}.jpg`), await renderScene(composeScene(6_000_000 + i)))
  })
  afterAll(() => sandbox.close())

  /** The demo model as a model of one's own, with other preprocessing. */
  async function describeDemo(name: string, input: object): Promise<void> {
    await cp(DEMO, at(name), { recursive: true })
    const { dimension, mean, std, text, scoring, logitScale, logitBias, ...demo } = resolveModel('demo')
    const described = {
      ...{ name, title: name, license: 'MIT', dimension, mean, std, text, scoring, logitScale, logitBias },
      input: { ...demo.input, ...input },
      defaultPrecision: 'fp32',
      precisions: { fp32: { vision: demo.visionFile, text: demo.textFile } },
    }
    await writeFile(at(name, 'model.json'), JSON.stringify(described))
  }

  const compare = (...args: string[]) => sandbox.run('models', 'compare', ...args)
  async function object(...args: string[]) {
    const { code, stderr, objects } = await compare(...args, '--json')
    expect([code, otherThanCutTexts(stderr)]).toEqual([0, []])
    return objects()[0] as {
      models: { model: string; dimension: number; imagesPerSecond: number; rewrites: Record<string, string[]> }[]
      photos: number
      texts: number | null
      failed: { file: string; code: string; message: string }[]
      cosine: Record<'photos' | 'texts', { raw: Figures; centred: Figures } | null> | null
      top10: { photos: number | null; texts: number | null }
      labels: { set: string; changed: number; share: number; changes: object[] }[] | null
      meaning: string
    }
  }

  test('shows how two precisions of a model differ, and needs no database', async () => {
    const { code, stdout, stderr } = await compare('hub@fp32', 'hub@int8', '--photos', at('photos'))
    expect([code, otherThanCutTexts(stderr)]).toEqual([0, []])
    const said = stderr.split('\n')
    expect(said, 'no text is named twice, though both models cut it').toEqual([...new Set(said)])
    for (const line of [
      /^hub@fp32 and hub@int8: 40 photos, \d+ texts$/m,
      /^photos: cosine +(0\.99|1\.0)\d+ +0\.\d+ +0\.\d+$/m,
      /^texts: cosine without the mean embedding +0\.9\d+ +0\.\d+ +0\.\d+$/m,
      /^photo to photo: ten nearest in common +[01]\.\d+$/m,
      /^text to photo: ten best in common +[01]\.\d+$/m,
      /^labels of taken_space that change +\d+ \(\d+\.\d %\)/m,
      /^labels of taken_time that change +\d+ \(\d+\.\d %\)/m,
      /^hub@int8 +16 +\d+/m,
      /^rewrites of hub@int8: vision_model_quantized\.onnx class-token-only, signed-weights(, byte-pixels)?$/m,
      /^At least 95 % of the inputs have a cosine of 0\.\d+[:,] .*Measured on 700 real CLIP embeddings/m,
    ])
      expect(stdout).toMatch(line)
    expect(await readdir(sandbox.home)).not.toContain('database')
  })

  test('finds no difference between a model and its copy under another name', async () => {
    const { models, photos, texts, failed, cosine, top10, labels, meaning } = await object(
      'demo',
      'twin',
      '--photos',
      at('photos'),
    )
    expect({ photos, texts, failed, top10 }).toEqual({
      photos: COUNT,
      texts: EVERYDAY_PROMPTS.length,
      failed: [],
      top10: { photos: 1, texts: 1 },
    })
    for (const figures of [cosine!.photos!.raw, cosine!.photos!.centred, cosine!.texts!.raw])
      expect(figures.least).toBeCloseTo(1, 6)
    expect(labels!.map(({ set, changed }) => [set, changed])).toEqual([
      ['taken_space', 0],
      ['taken_time', 0],
    ])
    expect(models).toEqual(
      ['demo@fp32', 'twin@fp32'].map(model => ({
        model,
        dimension: 128,
        hasTexts: true,
        imagesPerSecond: expect.any(Number),
        rewrites: {
          'onnx/text_model.onnx': ['signed-weights not-needed'],
          'onnx/vision_model.onnx': expect.arrayContaining(['class-token-only not-needed']),
        },
      })),
    )
    expect(meaning).toContain('searches find equally good photos with either')
  })

  test('finds the difference that other preprocessing makes', async () => {
    const { cosine, top10 } = await object('demo', 'squashed', '--photos', at('photos'))
    expect(cosine!.photos!.raw.median).toBeLessThan(0.9999)
    expect(cosine!.texts!.raw.least).toBeCloseTo(1, 6)
    expect(top10.photos).toBeLessThan(1)
  })

  test('compares models of different lengths by what they find, and says that there is no cosine', async () => {
    const { stdout } = await compare('hub', 'siglip', '--photos', at('photos'))
    expect(stdout).toMatch(/^No cosine: the embeddings have 16 and 32 numbers\.$/m)
    expect(stdout).toMatch(/^These are two models with different spaces:/m)
    const { cosine, top10 } = await object('hub', 'siglip', '--photos', at('photos'))
    expect(cosine).toBeNull()
    expect(top10).toEqual({ photos: expect.any(Number), texts: expect.any(Number) })
  })

  test('compares a model without a text tower by photos alone', async () => {
    const { stdout } = await compare('opsets@fp32', 'hub', '--photos', at('photos'))
    expect(stdout).toMatch(/^labels that change +not compared: opsets@fp32 has no text\s+tower$/m)
    const found = await object('opsets@fp32', 'opsets@int8', '--photos', at('photos'))
    expect(found).toMatchObject({ texts: null, labels: null, top10: { photos: expect.any(Number), texts: null } })
    expect(found.cosine).toMatchObject({ photos: expect.any(Object), texts: null })
  })

  test('takes texts of a file, and the first photos', async () => {
    await writeFile(at('texts.txt'), 'a red car\r\n\r\na house at night\n')
    const options = ['--prompts', at('texts.txt'), '--limit', '12']
    const { photos, texts, top10, cosine } = await object('hub@fp32', 'hub@int8', '--photos', at('photos'), ...options)
    expect({ photos, texts, top10 }).toEqual({ photos: 12, texts: 2, top10: { photos: null, texts: null } })
    expect(cosine!.texts!.raw.least).toBeGreaterThan(0.9)
  })

  test('leaves images out that cannot be used, by name and code, and compares the others', async () => {
    await mkdir(at('mixed'))
    const scene = await renderScene(composeScene(1))
    await writeFile(at('mixed', 'good.jpg'), scene)
    await writeFile(at('mixed', 'good.png'), await renderScene(composeScene(2)))
    await writeFile(at('mixed', 'cut.jpg'), scene.subarray(0, 100))
    await writeFile(at('mixed', 'empty.jpg'), '')
    await writeFile(at('mixed', 'huge.png'), await pngBomb(60_000, 60_000))
    await writeFile(at('mixed', 'no-data.png'), emptyPng())
    await writeFile(at('mixed', 'page.jpg'), '<html>')
    await symlink(at('nowhere.jpg'), at('mixed', 'gone.jpg'))
    await writeFile(at('mixed', 'notes.txt'), 'no image by its name, so not counted')
    const { photos, failed, cosine } = await object('hub@fp32', 'hub@int8', '--photos', at('mixed'))
    expect(photos).toBe(2)
    expect(failed.map(({ file, code }) => [file, code])).toEqual([
      ['cut.jpg', 'DECODE_FAILED'],
      ['empty.jpg', 'EMPTY_BODY'],
      ['gone.jpg', 'FILE_NOT_FOUND'],
      ['huge.png', 'TOO_MANY_PIXELS'],
      ['no-data.png', 'DECODE_FAILED'],
      ['page.jpg', 'NOT_AN_IMAGE'],
    ])
    expect(cosine!.photos!.raw.least).toBeGreaterThan(0.9)
    const { stdout } = await compare('hub@fp32', 'hub@int8', '--photos', at('mixed'))
    expect(stdout).toMatch(/^6 images left out:\n {2}cut\.jpg: DECODE_FAILED: /m)
  })

  describe('refuses, with what to do,', () => {
    beforeAll(async () => {
      await mkdir(at('none'))
      await writeFile(at('none', 'readme.txt'), 'no image')
      await mkdir(at('bad'))
      await writeFile(at('bad', 'page.jpg'), '<html>')
    })
    const two = ['hub@fp32', 'hub@int8']
    const refusals: [string, () => string[], RegExp][] = [
      [
        'a folder without images',
        () => [...two, '--photos', at('none')],
        /INPUT_INVALID: Expected images \(\.jpg, .* in .*none, found none/,
      ],
      [
        'a folder in which no image can be used',
        () => [...two, '--photos', at('bad')],
        /INPUT_INVALID: .* found 1 image that cannot be used, the first: page\.jpg: NOT_AN_IMAGE/,
      ],
      [
        'a folder that is not there',
        () => [...two, '--photos', at('nowhere')],
        /INPUT_NOT_FOUND: --photos expects a folder, found ENOENT/,
      ],
      ['a file', () => [...two, '--photos', at('bad', 'page.jpg')], /INPUT_INVALID: --photos expects a folder/],
      ['no folder', () => two, /USAGE: models compare expects --photos FOLDER/],
      ['one model twice', () => ['hub', 'hub@fp32', '--photos', at('bad')], /USAGE: .*two different models/],
      ['one model alone', () => ['hub', '--photos', at('bad')], /USAGE: .*two models .* or --vectors and --ids/],
      ['an unknown model', () => ['hub', 'other', '--photos', at('bad')], /MODEL_UNKNOWN: .*"other"/],
      [
        'two models and published vectors',
        () => [...two, '--photos', at('bad'), '--vectors', 'x.npy', '--ids', 'x.txt'],
        /USAGE: .*two models, or one with --vectors and --ids/,
      ],
      [
        'a file of texts that is empty',
        () => {
          return [...two, '--photos', at('photos'), '--prompts', '/dev/null']
        },
        /INPUT_INVALID: --prompts expects a file with one text per line, found none/,
      ],
    ]
    test.each(refusals)('%s', async (_, args, message) => {
      const { code, stderr } = await compare(...args())
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    })
  })
})
