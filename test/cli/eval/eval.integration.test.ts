import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresPromptRepository } from '../../../src/db/search/prompt-repository.js'
import { normalise } from '../../../src/domain/similarity.js'
import { MEASURES } from '../../../src/evaluation/measures.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from '../../db/factories.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'

const NOUNS = ['dog', 'beach', 'lamp', 'tent', 'boat', 'zebra']
const PHOTOS = 120
const DIMENSION = 8

interface Estimate {
  mean: number
  low: number
  high: number
}

/** Photos of six things, and two models: one that sees them, and one that sees nothing. Both know the prompts. */
describe.skipIf(!hasNativeServer())('eval', () => {
  let server: TestServer
  let sandbox: Sandbox
  let url: string

  beforeAll(async () => {
    server = await nativeServer()
    url = await server.migratedUrl()
    const database = await openDatabase({ url })
    const random = randomNumbers(9)
    const photos = Array.from({ length: PHOTOS }, (_, i) =>
      aPhoto(`p${String(i).padStart(3, '0')}`, { photo_description: `A ${NOUNS[i % NOUNS.length]}, somewhere` }),
    )
    const direction = (thing: number, noise: number) =>
      normalise(Float32Array.from({ length: DIMENSION }, (_, d) => (d === thing ? 1 : 0) + noise * random()))
    const prompts = NOUNS.map(noun => `a ${noun}`)
    for (const [name, vectorOf] of [
      ['seeing', (i: number) => direction(i % NOUNS.length, 0.4)],
      ['blind', () => randomVector(DIMENSION, random)],
    ] as const) {
      const identity = aModel({ name, dimension: DIMENSION, revision: 'imported' })
      const modelId = await new PostgresIngestRepository(database).registerModel(identity)
      await embedPhotos(
        database,
        modelId,
        photos,
        photos.map((_, i) => vectorOf(i)),
      )
      const vectors = prompts.map((_, i) => direction(i, 0))
      await new PostgresPromptRepository(database).save(modelId, [...prompts, 'a unicorn'], [...vectors, vectors[0]!])
    }
    await database.query(
      `insert into photo_conversions (converted_at, keyword, photo_id)
       select timestamp '2020-01-01', 'a ' || substring(photo_description from 'A (\\w+)'), photo_id from photos`,
    )
    await database.close()
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
  }, 240_000)
  afterAll(async () => {
    await sandbox?.close()
    await server?.close()
  })

  const run = (...args: string[]) => sandbox.run('eval', ...args)
  const file = async (content: string) => {
    const path = join(sandbox.home, 'judged.csv')
    await writeFile(path, content)
    return path
  }
  const BOTH = ['--variant', 'model=seeing', '--variant', 'model=blind']
  const PROMPTS = ['column:photo_description', '--words', 'prompts']

  test('tells a model that sees from one that does not, with an interval of the difference', async () => {
    const html = join(sandbox.home, 'eval.html')
    const { code, stderr, objects } = await run(...PROMPTS, ...BOTH, '--json', '--html', html)
    expect(code, stderr).toBe(0)
    const [queries, seeing, blind] = objects()
    expect(queries).toMatchObject({
      queries: 6,
      total: 7,
      left_out: { too_few_relevant: 1, unusable: 0 },
      relevant_photos: PHOTOS,
      depth: 1000,
      best: 'model=seeing',
    })
    expect(seeing).toMatchObject({ part: 'all', variant: 'model=seeing', model: 'seeing@fp32', difference: null })
    for (const measure of MEASURES) {
      const [good, difference] = [seeing![measure], (blind!.difference as Record<string, Estimate>)[measure]!]
      expect((good as Estimate).mean).toBeGreaterThan(measure === 'recall_10' ? 0.45 : 0.8)
      expect(difference.high).toBeLessThan(0)
    }
    expect(blind!.difference).toMatchObject({ better: 0, worse: 6, equal: 0 })
    const page = await readFile(html, 'utf8')
    expect(page.match(/<h2>Worse: a \w+<\/h2>/g)).toHaveLength(6)
    expect(page).toContain('<span class="mark">relevant</span>')
    expect(page).not.toContain('<h2>Better')
  })

  test('prints a table of 80 columns, the same for the same seed', async () => {
    const withoutTimes = (text: string) => text.replaceAll(/[\d.]+ ms/g, '')
    const args = [...PROMPTS, ...BOTH, '--seed', '4']
    const [{ stdout }, again] = [await run(...args), await run(...args)]
    const tables = stdout.split('\n\n').at(-1)!
    expect(
      tables.split('\n').every(line => line.length <= 80),
      stdout,
    ).toBe(true)
    expect(tables).toMatch(/^ +nDCG@10 +recall@10 +recall@100 +mAP +MRR$/m)
    expect(tables).toMatch(/^2-1 +-\d\.\d{3} \*/m)
    expect(withoutTimes(again.stdout)).toBe(withoutTimes(stdout))
  })

  test('chooses on one half of the queries and reports the other', async () => {
    const variants = ['--variant', 'model=blind', '--variant', 'model=seeing,blind hybrid=0.5']
    const html = join(sandbox.home, 'split.html')
    const args = [...variants, '--split', '--by', 'ndcg_10', '--html', html, '--json']
    const { code, stdout, stderr, objects } = await run('conversions', ...args)
    expect(code, stderr).toBe(0)
    expect(await readFile(html, 'utf8')).toContain('3 queries. Chosen by nDCG@10: 2, model=seeing hybrid=0.5.')
    expect(objects()[0]).toMatchObject({ queries: 6, best: 'model=seeing hybrid=0.5', by: 'ndcg_10' })
    const parts = objects().slice(1)
    expect(
      parts.map(({ part, queries, variant }) => [part, queries, variant]),
      stdout,
    ).toEqual([
      ['first half', 3, 'model=blind'],
      ['first half', 3, 'model=seeing hybrid=0.5'],
      ['first half', 3, 'model=blind hybrid=0.5'],
      ['second half', 3, 'model=blind'],
      ['second half', 3, 'model=seeing hybrid=0.5'],
    ])
  })

  test('takes judgements with grades from a file, and says which rows are bad', async () => {
    const rows = ['a dog,p000,2', 'a dog,p006,1', 'a dog,gone,1', 'a boat,gone,1', 'a tent,p003,high']
    const judged = await file(['query,photo_id,grade', ...rows].join('\n'))
    const { code, objects } = await run(judged, '--model', 'seeing', '--json')
    expect(code).toBe(3)
    expect(objects()[0]).toMatchObject({ queries: 1, total: 2, relevant_photos: 2 })
    expect(objects()[0]!.remarks).toEqual([expect.stringContaining('1 bad row of')])
    expect((objects()[1]!.ndcg_10 as Estimate).mean).toBeGreaterThan(0)
  })

  test('says that hybrid search reads the words that make a photo relevant', async () => {
    const { stdout } = await run(...PROMPTS, '--model', 'seeing', '--variant', 'plain', '--variant', 'hybrid=words')
    expect(stdout).toContain('Hybrid variants read the words')
    expect(stdout).toMatch(/^2: hybrid=words/m)
  })

  test('tries corrections, which are those of searches where nothing is corrected', async () => {
    const tried = ['--references', 'prompts', '--variant', 'correction=0,0.5 k=1,3']
    const { objects, stderr } = await run(
      ...PROMPTS,
      '--model',
      'seeing',
      '--variant',
      'index=exact',
      ...tried,
      '--json',
    )
    expect(stderr).toBe('')
    const [exact, ...others] = objects().slice(1)
    expect(others.map(({ variant }) => variant)).toEqual([
      'correction=0 k=1',
      'correction=0 k=3',
      'correction=0.5 k=1',
      'correction=0.5 k=3',
    ])
    for (const measure of MEASURES)
      for (const other of others.slice(0, 2)) expect(other[measure]).toEqual(exact![measure])
    const few = await run(...PROMPTS, '--model', 'seeing', '--references', 'prompts', '--variant', 'correction=1 k=8')
    expect(few.stderr).toMatch(/^USAGE: --variant: k=8 expects as many reference texts, found 7/)
  })

  test('compares the stored correction with none, and with the same one tried', async () => {
    const unstored = await run(...PROMPTS, '--model', 'blind', '--variant', 'correction=0.5')
    expect(unstored.stderr).toMatch(/^NOT_FOUND: .* Run: npx unsplash-clip models correct blind@fp32/)
    const texts = [...NOUNS, 'unicorn'].map(noun => `a ${noun}`)
    const database = await openDatabase({ url })
    await database.query("select define_references($1, k => 3, model => 'blind')", [texts])
    await database.query("call score_references('blind')")
    await database.query("select use_correction(0.75, 'blind')")
    const variants = ['plain', 'correction=0,0.75', 'correction=0.75 k=3', 'correction=0.75 hybrid=0.3']
    const { objects, stderr } = await run(
      ...[...PROMPTS, '--model', 'blind', '--json'],
      ...variants.flatMap(each => ['--variant', each]),
    )
    expect(stderr).toBe('')
    const [plain, none, stored, tried, hybrid] = objects().slice(1)
    for (const measure of MEASURES) {
      expect(plain![measure], measure).toEqual(stored![measure])
      expect(tried![measure], measure).toEqual(stored![measure])
    }
    expect(none!.map).not.toEqual(stored!.map)
    expect((hybrid!.map as Estimate).mean).toBeGreaterThan((stored!.map as Estimate).mean)
    await database.query("select drop_references('blind')")
    await database.close()
  })

  test('queries that are not stored need a model with a text tower', async () => {
    const words = join(sandbox.home, 'nouns.txt')
    await writeFile(words, 'dog\nlamp\n')
    const { code, stderr } = await run('column:photo_description', '--words', words, '--model', 'seeing')
    expect(code).toBe(2)
    expect(stderr).toMatch(/^MODEL_WITHOUT_TEXT: seeing@fp32/)
  })

  test.each<[code: number, message: RegExp, args: string[]]>([
    [2, /^USAGE: --variant expects settings/, ['conversions', '--variant', 'colour=red']],
    [2, /^USAGE: column: expects text columns/, ['column:exif_iso']],
    [2, /^USAGE: column: expects text columns/, ['column:photo_description,secret']],
    [2, /^USAGE: --words expects the queries column:NAME/, ['conversions', '--words', 'prompts']],
    [2, /^USAGE: --split expects at least two variants/, ['conversions', '--split']],
    [2, /^USAGE: --html expects a writable file/, ['conversions', '--html', '/no/such/folder/x.html']],
    [2, /^INPUT_NOT_FOUND: .*no\.csv/, ['no.csv', '--model', 'seeing']],
    [
      2,
      /^INPUT_NOT_FOUND: --words expects a file/,
      ['column:photo_description', '--words', 'no.txt', '--model', 'seeing'],
    ],
    [2, /^MODEL_UNKNOWN/, ['conversions', '--variant', 'model=nobody']],
    [1, /^NOT_FOUND: seeing@fp32 has no ready hnsw index/, ['conversions', '--variant', 'model=seeing index=hnsw']],
    [
      1,
      /^NOT_FOUND: conversions: expected queries with at least 500/,
      ['conversions', '--model', 'seeing', '--min-relevant', '500'],
    ],
  ])('ends with %i %s', async (code, message, args) => {
    const finished = await run(...args)
    expect(finished.stderr).toMatch(message)
    expect(finished.code).toBe(code)
  })

  test('compares an index with all photos, as deep as an index reads', async () => {
    const build = await sandbox.run('index', 'build', '--kind', 'hnsw', '--model', 'seeing', '--memory', '100MB')
    expect(build.stderr + build.stdout).toContain('hnsw')
    const variants = ['--variant', 'model=seeing index=exact,hnsw:40']
    const { objects, stderr } = await run(...PROMPTS, ...variants, '--json')
    expect(objects()[0], stderr).toMatchObject({ depth: 250 })
    expect(
      objects()
        .slice(1)
        .map(({ variant }) => variant),
    ).toEqual(['model=seeing index=exact', 'model=seeing index=hnsw:40'])
    const untuned = await run(...PROMPTS, '--variant', 'model=seeing index=hnsw')
    expect(untuned.stderr).toMatch(/^USAGE: --variant: searches of seeing@fp32 by words are not tuned for hnsw/)
    const deep = await run(...PROMPTS, ...variants, '--depth', '1000')
    expect(deep.stderr).toMatch(/^USAGE: --depth expects at most 250/)
  })
})
