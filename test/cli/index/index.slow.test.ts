import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'

const MINUTE = 60_000
const PHOTOS = 400
const FILL = `insert into photos (photo_id, photo_image_url) select 'p' || n, 'file:///p' || n from generate_series(1, ${PHOTOS}) as n`

describe.skipIf(!hasNativeServer())('the index and models commands', () => {
  let server: TestServer
  let sandbox: Sandbox
  let database: Database
  beforeAll(async () => {
    server = await nativeServer()
    const url = await server.migratedUrl()
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
    database = await openDatabase({ url })
    await database.query(FILL)
  }, 4 * MINUTE)
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
    await server?.close()
  })

  async function embedWithDemo(): Promise<void> {
    const { compose } = await import('../../../src/compose/app.js')
    const { readConfig } = await import('../../../src/config.js')
    const app = compose(readConfig({ ...sandbox.environment, UNSPLASH_CLIP_HOME: sandbox.home }))
    const { ingest } = await app.repositories()
    const identity = await app.models.identity()
    const id = await ingest.registerModel(identity)
    await ingest.createRun({ id: 'demo run', modelId: id, source: 'x', options: {} })
    await ingest.finishEnqueue('demo run')
    await app.close()
    await database.query(
      `insert into embeddings (model_id, photo_id, embedding)
       select $1, photo_id, (select array_agg(sin(d * length(photo_id) + d * d * ascii(right(photo_id, 1)) + hashtext(photo_id) % 97))
                               from generate_series(1, $2) as d)::vector::halfvec from photos`,
      [id, identity.dimension],
    )
  }

  test('say that there is nothing to index before anything is embedded', async () => {
    const { code, stderr } = await sandbox.run('index', 'advise')
    expect(stderr).toContain('NOT_EMBEDDED: The database holds no embeddings yet')
    expect(code).toBe(1)
  })

  test('advise, build, tune, show and drop an index', { timeout: 4 * MINUTE }, async () => {
    await embedWithDemo()
    const advice = (await sandbox.run('index', 'advise', '--json')).objects()[0]!
    expect(advice).toMatchObject({ photos: PHOTOS, dimension: 128, advice: 'exact', exactUpTo: 200_000 })
    expect((await sandbox.run('index', 'advise', '--json')).objects()[0]).toEqual(advice)
    const none = await sandbox.run('index', 'build')
    expect(none.stdout).toMatch(/advised up to 200,000 photos of 128 numbers. You have 400. No index is needed/)

    const build = await sandbox.run('index', 'build', '--kind', 'ivfflat', '--lists', '8', '--memory', '100MB')
    expect(build.stderr).toMatch(/maintenance_work_mem 100 MB/)
    expect(build.stdout).toMatch(/^Built embeddings_m\d+_ivfflat over 400 photos/)
    expect((await sandbox.run('index', 'build', '--lists', '8')).stdout).toContain('exists already')

    const tuned = (
      await sandbox.run('index', 'tune', '--kind', 'image', '--method', 'ivfflat', '--queries', '20', '--json')
    ).objects()[0]!
    // Twenty photos, and twenty means of two.
    expect(tuned).toMatchObject({ queries: 'image', sample: 40, wanted: 0.99, method: 'ivfflat' })
    const status = (await sandbox.run('index', 'status')).stdout
    expect(status).toMatch(/embeddings_m\d+_ivfflat +lists=8 +ready/)
    expect(status).toMatch(/demo@fp32 +image +ivfflat, \d+ probes +0\.99 .* tuned +400/)
    expect((await sandbox.run('status')).stdout).toMatch(/^Search +text exact; image ivfflat, \d+ probes$/m)
    expect((await sandbox.run('index', 'drop')).stdout).toMatch(/^Dropped embeddings_m\d+_ivfflat\./)
    expect((await sandbox.run('index', 'status')).stdout).toContain('There is no vector index.')
  })

  test('tell what does not fit together', { timeout: 4 * MINUTE }, async () => {
    for (const [args, message] of [
      [['build', '--kind', 'hnsw', '--lists', '5'], '--lists belongs to --kind ivfflat.'],
      [['build', '--m', '5'], '--m and --ef-construction belong to --kind hnsw'],
      [['build', '--memory', 'much'], 'Expected a size such as 512MB or 2GB'],
      [['build', '--kind', 'ivfflat', '--lists', '20000', '--memory', '50MB'], 'give more with --memory, or ask for'],
      [['tune', '--recall', '95'], 'Expected a share above 0 and up to 1'],
    ] as const) {
      const { code, stderr } = await sandbox.run('index', ...args)
      expect(stderr).toContain(message)
      expect(code).toBe(2)
    }
    expect((await sandbox.run('index', 'tune')).stderr).toContain('NOT_FOUND: There is no ready vector index to tune')
  })

  test('choose a model for searches whatever MODEL says, list it, and refuse to retire it', {
    timeout: 4 * MINUTE,
  }, async () => {
    expect((await sandbox.run('models', 'use', 'demo')).stdout).toMatch(
      /^Searches now use demo@fp32, with 400 embedded photos/,
    )
    expect((await sandbox.run('models', 'list')).stdout).toMatch(/^demo@fp32 .* 400 +searched$/m)
    const listed = (await sandbox.run('models', 'list', '--json')).objects()
    expect(listed.find(({ name }) => name === 'demo')).toMatchObject({ photos: PHOTOS, searched: true })
    sandbox.environment.MODEL = 'clip-vit-b-32'
    expect((await sandbox.run('search', '--photo', 'p1', '-k', '3', '--json')).objects()).toHaveLength(3)
    sandbox.environment.MODEL = 'demo'
    for (const [args, message] of [
      [['use'], 'expects the name of a model, or --newest'],
      [['retire', 'demo', '--yes'], 'demo@fp32 is the model that is searched'],
      [['retire', 'demo'], 'expects --yes elsewhere'],
    ] as const) {
      const { code, stderr } = await sandbox.run('models', ...args)
      expect(stderr).toContain(message)
      expect(code).toBe(2)
    }
  })
})
