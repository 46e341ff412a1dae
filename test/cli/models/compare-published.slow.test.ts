import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cropPixels, INPUT_SIDE } from '../../../src/demo-scenes/pixels.js'
import { composeScene, renderScene } from '../../../src/demo-scenes/scenes.js'
import type { Truth } from '../../../src/demo-scenes/truth.js'
import { dot, normalise } from '../../../src/domain/similarity.js'
import { type DemoModel, demoModelFolder, openDemoModel } from '../../../tools/demo-model/model.js'
import { QUERIES } from '../../../tools/demo-model/queries.js'
import { NOISES, randomNumbers, withNoise } from '../../models/noise.js'
import { type Finished, Sandbox } from '../../support/cli.js'
import { npyFile } from '../../support/models/npy-file.js'

const COUNT = 60
const FIRST_SEED = 4_000_000
const random = randomNumbers(21)

/** Pictures with planted vectors: what the tools of the demo model, which share no code with the product, make of them. */
describe('models compare with published vectors', () => {
  let sandbox: Sandbox
  let tools: DemoModel
  let pictures: Buffer[]
  let ids: string[]
  let vectors: Float32Array[]
  let texts: Float32Array[]
  let truths: Truth[]
  const at = (name: string) => join(sandbox.home, name)

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    tools = await openDemoModel(await demoModelFolder())
    const scenes = Array.from({ length: COUNT }, (_, i) => composeScene(FIRST_SEED + i))
    pictures = await Promise.all(scenes.map(scene => renderScene(scene)))
    // Ids of photos may begin with a hyphen.
    ids = scenes.map(({ seed }) => `-${seed}`)
    vectors = await tools.embedImages(await Promise.all(pictures.map(cropPixels)))
    texts = await tools.embedTexts(QUERIES.map(({ text }) => text))
    await mkdir(at('images'))
    await Promise.all(pictures.map((picture, i) => writeFile(at(`images/${ids[i]}.jpg`), picture)))
    truths = scenes.map(({ truth }) => truth)
    const rows = truths.map(({ space, time }, i) => `${ids[i]},"a scene, rendered",${space},${time}`)
    const header = 'photo_id,photo_description,taken_space,taken_time'
    await writeFile(at('labels.csv'), [header, ...rows, ''].join('\n'))
    await writeFile(at('text.npy'), npyFile(texts))
    await writeFile(at('prompts.txt'), QUERIES.map(({ text }) => text).join('\n'))
  })
  afterAll(async () => {
    await tools.close()
    await sandbox.close()
  })

  /** Runs the command on these planted vectors. */
  async function compare(
    rows: readonly ArrayLike<number>[],
    { names = ids, more = [] as string[] } = {},
  ): Promise<Finished> {
    await writeFile(at('image.npy'), npyFile(rows))
    await writeFile(at('ids.txt'), `${names.join('\n')}\n`)
    const files = ['--photos', at('images'), '--vectors', at('image.npy'), '--ids', at('ids.txt')]
    return sandbox.run('models', 'compare', 'demo', ...files, ...more)
  }
  const everything = () => [
    '--labels',
    at('labels.csv'),
    '--text-vectors',
    at('text.npy'),
    '--prompts',
    at('prompts.txt'),
  ]
  const noisy = (cosine: number) => vectors.map(vector => withNoise(vector, cosine, NOISES[0]![1], random))
  const failure = (diagnosis: string) => ({
    code: 1,
    stderr: expect.stringContaining(`COMPARISON_FAILED: ${diagnosis}`),
  })
  const notThe = 'demo@fp32 does not give the published vectors:'

  test('passes on the vectors that the model gives', async () => {
    const { code, stdout, stderr } = await compare(vectors, { more: everything() })
    expect([code, stderr]).toEqual([0, ''])
    for (const measure of [
      'photos: cosine, median',
      'photos: ten nearest photos in common',
      'labels: taken_space in common',
      'labels: taken_time in common',
      'texts: cosine, median',
      'texts: ten best photos in common, median',
    ])
      expect(stdout).toMatch(new RegExp(`^${measure} +(1\\.0|0\\.9)\\d+ +0\\.\\d+ +ok$`, 'm'))
    expect(stdout).toMatch(/^demo@fp32: 60 photos, 30 texts\n[\s\S]*\ndemo@fp32 gives the published vectors\.\n$/)
  })

  test('passes on vectors with the errors of half precision, and prints an object with --json', async () => {
    const { code, objects } = await compare(noisy(0.9995), { more: ['--json'] })
    expect(code).toBe(0)
    expect(objects()).toEqual([
      { model: 'demo@fp32', photos: COUNT, ok: true, diagnosis: '', measures: expect.any(Array), known: [] },
    ])
    expect(objects()[0]?.measures).toContainEqual({
      measure: 'photos: cosine, median',
      found: expect.closeTo(0.9995, 3),
      bar: 0.999,
      ok: true,
    })
  })

  test('--limit compares the first photos and texts alone', async () => {
    const { code, stdout } = await compare(vectors, { more: ['--limit', '12', ...everything()] })
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^demo@fp32: 12 photos, 12 texts\n/)])
  })

  test('fails on vectors of fewer bits', async () => {
    expect(await compare(noisy(0.98))).toMatchObject(
      failure(`${notThe} most photos are nearest to their own published vectors`),
    )
  })

  test('fails on vectors of other photos', async () => {
    const shifted = [...vectors.slice(1), vectors[0]!]
    expect(await compare(shifted)).toMatchObject(failure(`${notThe} the photos have published vectors of other photos`))
  })

  test('fails on ids in another order', async () => {
    expect(await compare(vectors, { names: ids.toReversed() })).toMatchObject(
      failure(`${notThe} the photos have published vectors of other photos`),
    )
  })

  test('fails on vectors that were made with other preprocessing', async () => {
    const squashed = pictures.map(picture =>
      sharp(picture).resize(INPUT_SIDE, INPUT_SIDE, { fit: 'fill' }).raw().toBuffer(),
    )
    expect(await compare(await tools.embedImages(await Promise.all(squashed)))).toMatchObject(
      failure(`${notThe} most photos are nearest to their own published vectors, but not near enough`),
    )
  })

  test('fails on vectors of another model', async () => {
    const others = vectors.map(() => normalise(Float32Array.from({ length: 128 }, random)))
    expect(await compare(others)).toMatchObject(failure(`${notThe} the photos are near no published vectors`))
  })

  test('fails on vectors of other texts, and says that the photos are right', async () => {
    await writeFile(at('other-text.npy'), npyFile(texts.toReversed()))
    const more = ['--text-vectors', at('other-text.npy'), '--prompts', at('prompts.txt')]
    expect(await compare(vectors, { more })).toMatchObject(
      failure(`${notThe} the photos match their published vectors, but these figures do not: texts: cosine, median`),
    )
  })

  test('fails on labels of other photos', async () => {
    const lines = ids.map((id, i) => `${id},${i % 2 ? 'indoor' : 'outdoor'}`)
    await writeFile(at('other.csv'), ['photo_id,taken_space', ...lines].join('\r\n'))
    expect(await compare(vectors, { more: ['--labels', at('other.csv')] })).toMatchObject(
      failure(
        `${notThe} the photos match their published vectors, but these figures do not: labels: taken_space in common`,
      ),
    )
  })

  describe('asks what is known of single photos and texts', () => {
    const known = async (similarity: (found: number) => number) => {
      const [first, second] = ids as [string, string]
      const text = QUERIES[0]!.text
      const answers = [
        { photo: first, similarities: { [second]: similarity(dot(vectors[0]!, vectors[1]!)) } },
        { text, similarities: { [second]: dot(texts[0]!, vectors[1]!) } },
        { photo: first, labelSet: 'taken_space', scores: { indoor: truths[0]!.space === 'indoor' ? 1 : 0 } },
      ]
      await writeFile(at('known.json'), JSON.stringify(answers))
      return compare(vectors, { more: ['--known', at('known.json')] })
    }

    test('and passes on the right answers', async () => {
      const { code, stdout } = await known(similarity => similarity)
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^known answers +1\.0000 +1 +ok$/m)])
      expect(stdout).toMatch(/^-4000000: taken_space indoor +[01]\.000 +[01] +ok$/m)
    })

    test('and fails on another one', async () => {
      const { code, stdout, stderr } = await known(similarity => (similarity > 0 ? similarity - 0.1 : similarity + 0.1))
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('match their published vectors, but these figures do not: known answers'),
      ])
      expect(stdout).toMatch(/^-4000000 and -4000001 .* OTHER$/m)
    })
  })

  describe('refuses, with what to do,', () => {
    const refusals: [string, () => Promise<Finished>, RegExp][] = [
      [
        'ids that are not in the folder',
        () => compare(vectors, { names: ids.map(id => `x${id}`) }),
        /INPUT_NOT_FOUND: Expected a file <id>\.jpg in .* for each of 60 ids, found none for 60: x-4000000, /,
      ],
      [
        'more rows than ids',
        () => compare(vectors, { names: ids.slice(1) }),
        /INPUT_INVALID: Expected a line of .* found 59 lines and 60 rows/,
      ],
      [
        'an id that is there twice',
        () => compare(vectors, { names: [ids[1]!, ...ids.slice(1)] }),
        /INPUT_INVALID: .*"-4000001" appears twice/,
      ],
      [
        'vectors of another length',
        () => compare(vectors.map(vector => vector.slice(1))),
        /INPUT_INVALID: Expected vectors of 128 numbers.* found 127/,
      ],
      [
        'a vector that is zero',
        () => compare([new Float32Array(128), ...vectors.slice(1)]),
        /INPUT_INVALID: .*: row 0 is zero or not finite/,
      ],
      [
        'a table without label sets',
        async () => {
          await writeFile(at('bare.csv'), 'photo_id,photo_url\n')
          return compare(vectors, { more: ['--labels', at('bare.csv')] })
        },
        /INPUT_COLUMNS_MISSING: bare\.csv: expected a column photo_id and one of taken_space, taken_time, found photo_id, photo_url/,
      ],
      [
        '--prompts without --text-vectors',
        () => compare(vectors, { more: ['--prompts', at('prompts.txt')] }),
        /USAGE: --text-vectors and --prompts belong together/,
      ],
      [
        'known answers of another form',
        async () => {
          await writeFile(at('wrong.json'), '[{ "photo": "x" }]')
          return compare(vectors, { more: ['--known', at('wrong.json')] })
        },
        /INPUT_INVALID: .*wrong\.json: expected a JSON list of \{"photo", "labelSet", "scores"\}/,
      ],
      [
        'a folder that is not there',
        () =>
          sandbox.run(
            'models',
            'compare',
            'demo',
            '--photos',
            at('none'),
            '--vectors',
            at('image.npy'),
            '--ids',
            at('ids.txt'),
          ),
        /INPUT_NOT_FOUND: --photos expects a folder, found ENOENT/,
      ],
    ]
    test.each(refusals)('%s', async (_, run, message) => {
      const { code, stderr } = await run()
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    })
  })
})
