import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'

const MINUTE = 60_000
const PHOTOS = 60
const MODEL = 'own@fp32'

/** Everything through SQL, as a script that embeds by itself would do it. */
const FILL = [
  `select register_model('own', 'fp32', 'v1', 8, 100)`,
  `insert into photos (photo_id, photo_image_url, photo_description)
   select 'p' || n, 'https://photos.test/' || n, 'photo of dog ' || n from generate_series(1, ${PHOTOS}) as n`,
  `insert into embeddings (model_id, photo_id, embedding)
   select 1, 'p' || n, (select array_agg(sin(d * (n / 2) + d)) from generate_series(1, 8) as d)::vector::halfvec
     from generate_series(1, ${PHOTOS}) as n`,
  `insert into prompt_embeddings (model_id, prompt, embedding)
   select 1, 'prompt ' || n, (select array_agg(cos(d * n)) from generate_series(1, 8) as d)::vector from generate_series(1, 100) as n`,
  `select define_label_set('daytime', 'at {label}', '{day,night}', array['[1,0,0,0,0,0,0,0]', '[0,1,0,0,0,0,0,0]']::vector[], 'own')`,
]

describe.skipIf(!hasNativeServer())('a model that only the database knows', () => {
  let server: TestServer
  let sandbox: Sandbox
  let database: Database
  beforeAll(async () => {
    server = await nativeServer()
    const url = await server.migratedUrl()
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
    database = await openDatabase({ url })
    for (const statement of FILL) await database.query(statement)
  }, 4 * MINUTE)
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
    await server?.close()
  })

  const run = async (...words: string[]) => {
    const ended = await sandbox.run(...words)
    expect(`${words.join(' ')}: ${ended.code} ${ended.stderr}`).toMatch(/: 0 /)
    return ended
  }

  test('is what SQL searches where there is no run', async () => {
    const hits = await database.query(`select from similar_photos('p1', k => 3)`)
    expect(hits).toHaveLength(3)
  })

  test('is searched by a command that names none, because it is the only one', async () => {
    expect((await run('search', '--photo', 'p1', '-k', '3', '--json')).objects()).toHaveLength(3)
  })

  test('is named by a command that asks for another one', async () => {
    const { code, stderr } = await sandbox.run('search', '--photo', 'p1', '--model', 'demo')
    expect(stderr).toContain(`add --model ${MODEL}`)
    expect(code).toBe(1)
  })

  test('is listed, and shown by status', { timeout: 4 * MINUTE }, async () => {
    expect((await run('models', 'list')).stdout).toMatch(/own@fp32\s+v1\s+60\s+searched/)
    expect((await run('models', 'list', '--json')).objects()).toContainEqual(
      expect.objectContaining({ name: 'own', precision: 'fp32', photos: PHOTOS, searched: true }),
    )
    expect((await run('status', '--json')).objects()[0]).toMatchObject({ model: MODEL, embedded: PHOTOS })
    expect((await run('status', '--model', 'own', '--json')).objects()[0]).toMatchObject({ model: MODEL })
  })

  describe('when it is named or chosen', () => {
    test('searches by photo, by stored prompt and by combinations', { timeout: 4 * MINUTE }, async () => {
      const options = ['--model', 'own', '-k', '3', '--json']
      expect((await run('search', '--photo', 'p1', ...options)).objects()).toHaveLength(3)
      expect((await run('search', 'prompt 7', ...options)).objects()).toHaveLength(3)
      expect((await run('search', '--like', 'p1', '--plus', 'prompt 7', ...options)).objects()).toHaveLength(3)
      expect((await run('search', 'prompt 7', '--hybrid', ...options)).objects()).toHaveLength(3)
      await run('models', 'use', 'own')
      expect((await run('search', 'prompt 7', '-k', '3', '--json')).objects()).toHaveLength(3)
      await run('models', 'use', '--newest')
    })

    test('says that new words and images cannot be embedded', { timeout: 4 * MINUTE }, async () => {
      for (const words of [
        ['search', 'something else'],
        ['prompts', 'add', 'something else'],
      ]) {
        const { code, stderr } = await sandbox.run(...words, '--model', 'own')
        expect(stderr).toMatch(/^MODEL_UNKNOWN: .*own@fp32.*cannot embed words/s)
        expect(code).not.toBe(0)
      }
    })

    test('finds duplicates and counts facets', { timeout: 4 * MINUTE }, async () => {
      expect(
        (await run('duplicates', '--threshold', '0.999', '--model', 'own', '--json')).objects().length,
      ).toBeGreaterThan(9)
      await run('facets', '--model', 'own')
      await run('facets', 'prompt 7', '--model', 'own')
    })

    test('predicts and shows a label set that was defined in SQL', { timeout: 4 * MINUTE }, async () => {
      expect((await run('labels', 'predict', 'daytime', '--model', 'own')).stdout).toContain('60 photos labelled')
      expect((await run('labels', 'show', 'daytime', '--model', 'own')).stdout).toContain('night')
      expect((await run('labels', 'show', '--model', 'own')).stdout).toContain('daytime')
      expect((await run('prompts', 'list', '--model', 'own')).stdout).toContain('prompt 7')
    })

    test('builds, tunes, shows and drops an index', { timeout: 4 * MINUTE }, async () => {
      await run('index', 'advise', '--model', 'own')
      await run('index', 'build', '--kind', 'ivfflat', '--lists', '4', '--model', 'own')
      await run('index', 'tune', '--queries', '30', '--method', 'ivfflat', '--model', 'own')
      expect((await run('index', 'status', '--model', 'own')).stdout).toContain('embeddings_m1_ivfflat')
      await run('index', 'drop', '--model', 'own')
    })
  })
})
