import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { packageRoot } from '../../../src/package-root.js'
import { Sandbox } from '../../support/cli.js'
import { npyFile } from '../../support/models/npy-file.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'

const DIMENSION = 4
const vector = (i: number) => Array.from({ length: DIMENSION }, (_, j) => Math.sin(i * 7 + j * 3))
const count = 12
const ids = Array.from({ length: count }, (_, i) => `photo${i}`)

describe('unsplash-clip import', () => {
  let sandbox: Sandbox
  let npy: string[]
  beforeAll(async () => {
    sandbox = await Sandbox.create({}, { hosted: true })
    const folder = await put({ 'v.npy': npyFile(ids.map((_, i) => vector(i))), 'ids.txt': ids.join('\n') })
    npy = [join(folder, 'v.npy'), '--ids', join(folder, 'ids.txt')]
  })
  afterAll(() => sandbox.close())

  /** In the home of the sandbox, which is removed at the end. */
  async function put(files: Record<string, string | Buffer>): Promise<string> {
    for (const [name, content] of Object.entries(files)) await writeFile(join(sandbox.home, name), content)
    return sandbox.home
  }

  test.each([
    [['v.npy'], 2, /required option '--model <name>' not specified/],
    [['--model', 'mine'], 2, /missing required argument 'inputs'/],
  ])('%j is refused', async (args, code, message) => {
    const refused = await sandbox.run('import', ...args)
    expect([refused.code, refused.stdout]).toEqual([code, ''])
    expect(refused.stderr).toMatch(message)
  })

  test('--dry-run reads, checks and writes nothing', async () => {
    const dry = await sandbox.run('import', ...npy, '--model', 'mine', '--dimension', '4', '--dry-run', '--json')
    expect([dry.code, dry.objects()]).toEqual([
      0,
      [expect.objectContaining({ model: 'mine@imported', rows: count, scaled: count, added: 0, dryRun: true })],
    ])
    const models = await sandbox.run('search', '--like', 'photo1')
    expect(models.stderr).toContain('NOT_EMBEDDED')
  })

  test('A model of vectors only: search by photo, duplicates, index and status work; words are refused', async () => {
    const imported = await sandbox.run('import', ...npy, '--model', 'mine', '--dimension', '4')
    expect([imported.code, imported.stderr]).toEqual([0, ''])
    expect(imported.stdout).toMatch(/Read 12 rows in .*: 12 vectors of 4 numbers, 0 bad rows\./)
    expect(imported.stdout).toContain('Imported as vectors of mine@imported: 12 new, 0 replaced, 0 unchanged.')
    expect(imported.stdout).toContain('12 vectors were not of unit length and scaled to it.')
    expect(imported.stdout).toContain('Searches use mine@imported.')

    const like = await sandbox.run('search', '--like', 'photo1', '--json', '-k', '3')
    expect([like.code, like.objects().length]).toEqual([0, 3])
    const shown = await sandbox.run('search', '--like', 'photo1', '-k', '3')
    expect(shown.stdout).toMatch(/^ +1 +0\.\d{4} +photo\d+/)
    const words = await sandbox.run('search', 'a dog')
    expect([words.code, words.stderr]).toEqual([
      2,
      expect.stringMatching(/^MODEL_WITHOUT_TEXT: mine@imported .* has no text tower, so it cannot embed words/),
    ])
    expect((await sandbox.run('duplicates', '--threshold', '0.9')).code).toBe(0)
    expect((await sandbox.run('labels', 'predict', 'taken_time')).stderr).toContain('MODEL_WITHOUT_TEXT')
    expect((await sandbox.run('index', 'build')).code).toBe(0)
    expect((await sandbox.run('photo', 'photo1')).stdout).toContain('mine@imported')
    const again = await sandbox.run('import', ...npy, '--model', 'mine')
    expect(again.stdout).toContain('0 new, 0 replaced, 12 unchanged.')
  })

  test('Bad rows are listed with their numbers and codes: exit code 3', async () => {
    const lines = [
      { photo_id: 'good', embedding: vector(50) },
      { photo_id: 'zero', embedding: [0, 0, 0, 0] },
      { photo_id: 'short', embedding: [1, 0] },
      { photo_id: 'a/b', embedding: vector(51) },
    ]
    await put({ 'v.jsonl': lines.map(line => JSON.stringify(line)).join('\n') })
    const run = await sandbox.run('import', 'v.jsonl', '--model', 'mine', '--bad-rows', 'bad.jsonl')
    expect(run.code).toBe(3)
    expect(run.stdout).toMatch(/v\.jsonl:2 +ZERO_VECTOR +4 zeros, of zero/)
    expect(run.stdout).toMatch(/v\.jsonl:3 +WRONG_DIMENSION +2 numbers instead of 4, of short/)
    const bad = readFileSync(join(sandbox.home, 'bad.jsonl'), 'utf8').trim().split('\n')
    expect(bad.map(line => JSON.parse(line).problem.code)).toEqual(['ZERO_VECTOR', 'WRONG_DIMENSION', 'BAD_ID'])
  })

  test('Vectors of a known model are labelled and found by words, as if they had been made here', async () => {
    const other = await sandbox.run('import', 'v.jsonl', '--model', 'demo')
    expect([other.code, other.stdout]).toEqual([3, expect.stringContaining('0 vectors')])
    const texts = ['a red house at night', 'a blue boat in the day', 'a green tree in the day']
    const vectors = await embedded(texts)
    const photos = texts.map((text, i) => ({
      photo_id: `scene${i}`,
      embedding: Array.from(vectors[i]!),
      caption: text,
    }))
    await put({ 'scenes.jsonl': photos.map(photo => JSON.stringify(photo)).join('\n') })
    const run = await sandbox.run('import', 'scenes.jsonl', '--model', 'demo', '--label-set', 'taken_time')
    expect([run.code, run.stderr]).toEqual([0, ''])
    expect(run.stdout).toContain('taken_time: 3 photos labelled.')
    const found = await sandbox.run('search', 'a blue boat', '--model', 'demo', '--json', '-k', '1')
    expect(found.objects()).toEqual([expect.objectContaining({ photo_id: 'scene1' })])
  })
})

/** Vectors of the demo model, each [dimension]. */
async function embedded(texts: string[]): Promise<Float32Array[]> {
  const encoder = await openOnnxEncoder(resolveModel('demo'), join(packageRoot(), 'models', 'demo'), { threads: 1 })
  try {
    return await encoder.encodeTexts(texts)
  } finally {
    await encoder.close()
  }
}

const names700 = (): string[] =>
  readFileSync(join(REFERENCE, 'unsplash/clip-vit-b-32-image.ids.txt'), 'utf8').trim().split('\n')

describe.skipIf(!hasReference())('the real vectors of 700 photos', () => {
  test('are imported as those of CLIP, and the nearest photos are the known ones', async () => {
    const sandbox = await Sandbox.create({ MODEL: 'clip-vit-b-32' }, { hosted: true })
    try {
      const path = join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy')
      const names = join(REFERENCE, 'unsplash/clip-vit-b-32-image.ids.txt')
      const imported = await sandbox.run(
        ...['import', path, '--ids', names, '--model', 'clip-vit-b-32@fp32', '--label-set', 'none', '--json'],
      )
      expect([imported.code, imported.objects()[0]]).toEqual([0, expect.objectContaining({ added: 700, scaled: 0 })])
      const table = await sandbox.run(
        'ingest',
        join(REFERENCE, 'unsplash/photos-700.csv'),
        '--model',
        'clip-vit-b-32@fp32',
      )
      expect(table.stdout).toContain('700 are already embedded')
      const like = await sandbox.run(
        'search',
        '--like',
        names700()[0]!,
        '--model',
        'clip-vit-b-32@fp32',
        '--json',
        '-k',
        '1',
      )
      expect([like.code, like.objects().length]).toEqual([0, 1])
    } finally {
      await sandbox.close()
    }
  })
})
