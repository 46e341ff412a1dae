import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import pg from 'pg'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelFile } from '../../../src/models/catalog/entry.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import type { Running } from '../../support/cli.js'
import { jpegPhoto } from '../../support/images/sample-images.js'
import { npyFile } from '../../support/models/npy-file.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../../support/servers/redis.js'
import { requires } from '../../support/servers/requirements.js'
import { until } from '../../support/until.js'
import { listCommands } from './commands.js'
import { type HeldImages, startHeldImages } from './held-images.js'
import { Watched } from './left-behind.js'

const PHOTOS = 24
const MINUTE = 60_000
/** Of a command that leaves nothing behind, or says what becomes of it. */
const STOPPING = /Stopping[.:] /

const hasProc = requires('/proc', existsSync('/proc/self'), 'These tests look for processes the way Linux shows them.')
const hasServices = [hasNativeServer(), hasRedis(), hasProc].every(Boolean)

describe.skipIf(!hasServices)('a command leaves no process, connection or temporary file behind:', () => {
  let postgres: TestServer
  let redis: TestRedis
  let images: HeldImages
  let watched: Watched
  let databaseUrl: string

  beforeAll(async () => {
    postgres = await nativeServer()
    redis = await startRedis()
    images = await startHeldImages()
    databaseUrl = await postgres.freshUrl()
    const services = { databaseUrl, redisUrl: redis.url }
    watched = await Watched.create(services, { ALLOW_HOSTS: images.host, PHOTOS_PER_JOB: '4', QUEUE_LOCK_MS: '3000' })
  })
  afterAll(async () => {
    await watched?.close()
    await images?.close()
    await Promise.all([postgres?.close(), redis?.stop()])
  })

  const photoList = async (name: string) => {
    const file = join(watched.sandbox.home, `${name}.txt`)
    const urls = Array.from({ length: PHOTOS }, (_, i) => `http://${images.host}/${name}/${i}.jpg`)
    await writeFile(file, urls.join('\n'))
    return file
  }
  const runId = async (name: string): Promise<string> => {
    const { objects } = await watched.sandbox.run('ingest', await photoList(name), '--json')
    return String(objects()[0]!.run)
  }
  const publishedVector = async () => {
    const [folder, vectors, ids] = ['compared', 'vector.npy', 'ids.txt'].map(name => join(watched.sandbox.home, name))
    await mkdir(folder!)
    await writeFile(join(folder!, 'one.jpg'), await jpegPhoto())
    await writeFile(vectors!, npyFile([new Float32Array(128).fill(1)]))
    await writeFile(ids!, 'one')
    return ['--images', folder!, '--vectors', vectors!, '--ids', ids!]
  }
  const vectorFiles = async () => {
    const [vectors, ids] = ['two.npy', 'two.txt'].map(name => join(watched.sandbox.home, name))
    await writeFile(
      vectors!,
      npyFile([
        [3, 4],
        [0, 1],
      ]),
    )
    await writeFile(ids!, 'one\ntwo\n')
    return [vectors!, '--ids', ids!]
  }
  const query = async (...statements: string[]) => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const rows = []
    for (const statement of statements) rows.push(...(await client.query(statement)).rows)
    await client.end()
    return rows
  }

  const teachingExamples = async () => {
    const ids = (await query('select photo_id as id from embeddings limit 6')).map(({ id }) => String(id))
    return [...ids.slice(0, 3).map(id => `--yes=${id}`), ...ids.slice(3).map(id => `--no=${id}`)]
  }

  const imageFile = async () => {
    const file = join(watched.sandbox.home, 'image.png')
    await sharp({ create: { width: 300, height: 200, channels: 3, background: 'teal' } }).toFile(file)
    return file
  }

  /** How each command is run to its end: the exit code it is to have, then its arguments. */
  const SCENARIOS: Record<string, () => Promise<[code: number, ...args: string[]]>> = {
    'db migrate': async () => [0, 'db', 'migrate'],
    ingest: async () => [0, 'ingest', await photoList('first'), '--processes', '1'],
    import: async () => [
      0,
      'import',
      ...(await vectorFiles()),
      '--model',
      'vectors',
      '--dimension',
      '2',
      '--label-set',
      'none',
    ],
    worker: async () => [0, 'worker', '--until-idle', '--metrics-port', '0'],
    search: async () => [0, 'search', 'a boat'],
    // Another server has the port.
    serve: async () => [2, 'serve', '--port', new URL(redis.url).port],
    // Its stdin ends at once.
    mcp: async () => [0, 'mcp'],
    'keys create': async () => [0, 'keys', 'create', 'laptop', '--scope', 'read'],
    'keys list': async () => [0, 'keys', 'list'],
    'keys revoke': async () => [0, 'keys', 'revoke', 'laptop'],
    facets: async () => [0, 'facets', 'a boat', '--by', 'taken_time'],
    'analyze cluster': async () => [0, 'analyze', 'cluster', '--k', '2..3', '--save', 'groups'],
    'analyze project': async () => [0, 'analyze', 'project', '--method', 'pca'],
    duplicates: async () => [0, 'duplicates', '--groups', '--csv', join(watched.sandbox.home, 'duplicates.csv')],
    'prompts add': async () => [0, 'prompts', 'add', 'a boat', 'at night'],
    'prompts list': async () => [0, 'prompts', 'list'],
    'prompts remove': async () => [0, 'prompts', 'remove', 'at night'],
    eval: async () => {
      const judged = join(watched.sandbox.home, 'judged.csv')
      const [photo] = await query('select photo_id as id from embeddings limit 1')
      await writeFile(judged, `query,photo_id\na boat,${photo.id}\n`)
      return [0, 'eval', judged, '--variant', 'hybrid=0,1', '--html', join(watched.sandbox.home, 'eval.html')]
    },
    'index advise': async () => [0, 'index', 'advise'],
    'index build': async () => [0, 'index', 'build', '--kind', 'hnsw'],
    'index tune': async () => [0, 'index', 'tune', '--kind', 'image'],
    'index status': async () => [0, 'index', 'status'],
    'index drop': async () => [0, 'index', 'drop', '--kind', 'hnsw'],
    'labels predict': async () => [0, 'labels', 'predict', 'taken_space'],
    // All photos are the same picture.
    'labels teach': async () => [2, 'labels', 'teach', 'boat', ...(await teachingExamples())],
    'analyze classify': async () => {
      await query(
        `update photos p set exif_iso = n.place
           from (select photo_id, row_number() over () as place from photos) as n where n.photo_id = p.photo_id`,
      )
      return [0, 'analyze', 'classify', 'exif_iso:4', '--min-photos', '2', '--folds', '2', '--save', 'level']
    },
    'labels show': async () => [
      0,
      ...['labels', 'show', 'taken_time', '--sample', '2', '--html', join(watched.sandbox.home, 'l.html')],
    ],
    'photo show': async () => [
      0,
      'photo',
      String((await query('select photo_id as id from embeddings limit 1'))[0].id),
    ],
    'photo preprocess': async () => [0, 'photo', 'preprocess', await imageFile(), '--out', 'seen.png'],
    'photo info': async () => [0, 'photo', 'info', await imageFile()],
    export: async () => [0, 'export', join(watched.sandbox.home, 'exported')],
    status: async () => [0, 'status'],
    'run list': async () => [0, 'run', 'list'],
    'run show': async () => [0, 'run', 'show'],
    'run pause': async () => [0, 'run', 'pause', await runId('paused')],
    'run resume': async () => [0, 'run', 'resume', await runId('resumed')],
    // It has no failed photo.
    'run retry': async () => [0, 'run', 'retry', await runId('retried')],
    'run cancel': async () => [0, 'run', 'cancel', await runId('cancelled'), '--yes'],
    'models list': async () => [0, 'models', 'list'],
    'models add': async () => [0, 'models', 'add', resolve('test/models/repositories/dinov2')],
    'models remove': async () => [0, 'models', 'remove', 'dinov2'],
    'models pull': async () => [0, 'models', 'pull', 'demo'],
    'models verify': async () => [0, 'models', 'verify', 'demo'],
    // The vector of another photo: it is compared, and found to be wrong.
    'models compare': async () => [1, 'models', 'compare', 'demo', ...(await publishedVector())],
    'models use': async () => [0, 'models', 'use', 'demo'],
    'models correct': async () => [0, 'models', 'correct', 'demo', '--k', '8', '--weight', '0'],
    // It is the one that is searched.
    'models retire': async () => [2, 'models', 'retire', 'demo', '--yes'],
    'db status': async () => [0, 'db', 'status'],
    'db url': async () => [0, 'db', 'url'],
    // The server is somebody else's: they refuse.
    'db start': async () => [2, 'db', 'start'],
    'db stop': async () => [2, 'db', 'stop'],
    'db snapshots': async () => [2, 'db', 'snapshots'],
    'db restore-snapshot': async () => [2, 'db', 'restore-snapshot'],
    'db backup': async () => [0, 'db', 'backup', join(watched.sandbox.home, 'all.backup')],
    // The database is not empty.
    'db restore': async () => [1, 'db', 'restore', join(watched.sandbox.home, 'all.backup')],
    'db move': async () => [2, 'db', 'move', '--to', databaseUrl],
    'store move': async () => [0, 'store', 'move', '--to', join(watched.sandbox.home, 'copies')],
    'photo rm': async () => [0, 'photo', 'rm', '--where', 'photo_image_url~first', '--yes'],
    'labels rm': async () => [0, 'labels', 'rm', 'taken_space', '--yes'],
    completion: async () => [0, 'completion', 'bash'],
    help: async () => [0, 'help', 'search'],
    version: async () => [0, 'version'],
    health: async () => [1, 'health', '--url', 'http://127.0.0.1:9/healthz'],
    demo: async () => [0, 'demo', '--count', '20', '--folder', 'demo'],
  }

  test('every command of the program is among them', async () => {
    expect(Object.keys(SCENARIOS).sort()).toEqual((await listCommands()).sort())
  })

  test.each(Object.keys(SCENARIOS))('%s', { timeout: 6 * MINUTE }, async command => {
    const [code, ...args] = await SCENARIOS[command]!()
    await watched.run(code, ...args)
  })

  const interrupted = async (running: Running, then: () => Promise<void> | void = () => {}) => {
    running.child.kill('SIGTERM')
    const ended = running.finished.then(({ code, stderr }) => {
      if (!STOPPING.test(stderr)) throw new Error(`It had ended, or was ended, with ${code}: ${stderr}`)
    })
    await Promise.race([ended, until('the message', () => STOPPING.test(running.stderr()))])
    await then()
  }
  const release = () => images.release()
  const waiting = () =>
    query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)
  const requestsInTheAir = () => until('requests in the air', () => images.waiting() > 0)

  describe('cut off by SIGTERM,', () => {
    test('ingest --processes', { timeout: 6 * MINUTE }, async () => {
      images.hold()
      const running = watched.sandbox.start('ingest', await photoList('cut'), '--processes', '2')
      await requestsInTheAir()
      await interrupted(running, release)
      await watched.ended(130, running)
    })

    test('ingest --wait', { timeout: 6 * MINUTE }, async () => {
      const list = await photoList('waited')
      const runs = async () => (await query('select from runs')).length
      const before = await runs()
      const running = watched.sandbox.start('ingest', list, '--wait')
      await until('the run', async () => (await runs()) > before)
      await interrupted(running)
      await watched.ended(130, running)
    })

    test.each([['1'], ['2']])('worker --processes %s', { timeout: 6 * MINUTE }, async processes => {
      images.hold()
      await watched.sandbox.run('ingest', await photoList(`worked-${processes}`))
      const running = watched.sandbox.start('worker', '--processes', processes, '--metrics-port', '0')
      await requestsInTheAir()
      await interrupted(running, release)
      await watched.ended(0, running)
    })

    test('labels predict', { timeout: 6 * MINUTE }, async () => {
      const blocker = new pg.Client({ connectionString: databaseUrl, application_name: 'blocker' })
      await blocker.connect()
      await blocker.query('begin; lock table photo_labels in access exclusive mode')
      const set = join(watched.sandbox.home, 'season.json')
      await writeFile(set, JSON.stringify({ name: 'season', template: 'in {label}', labels: ['spring', 'autumn'] }))
      const running = watched.sandbox.start('labels', 'predict', set)
      await until('the command to wait', async () => (await waiting()).length > 0)
      await interrupted(running, () => blocker.end())
      await watched.ended(130, running)
    })

    describe('while it waits for the database,', () => {
      const placed = async () => {
        const [vectors, ids] = ['cut.npy', 'cut.txt'].map(name => join(watched.sandbox.home, name))
        // More than are read between two looks at the signal.
        const rows = Array.from({ length: 2500 }, (_, i) => [Math.sin(i), Math.cos(i)])
        await writeFile(vectors!, npyFile(rows))
        await writeFile(ids!, rows.map((_, i) => `cut-${i}`).join('\n'))
        return [vectors!, '--ids', ids!, '--model', 'cut', '--dimension', '2', '--label-set', 'none']
      }
      beforeAll(async () => {
        const { code, stderr } = await watched.sandbox.run('import', ...(await placed()))
        expect([code, stderr]).toEqual([0, ''])
        await query(`update photos set exif_iso = right(photo_id, 1)::integer where photo_id like 'cut-_'`)
      })

      test.each<[command: string, locked: string, ...args: string[]]>([
        ['analyze cluster', 'embeddings', '--k', '2', '--save', 'cut'],
        ['analyze project', 'embeddings', '--method', 'pca', '--save', 'cut'],
        [
          'labels teach',
          'embeddings',
          'cut_off',
          '--yes',
          'cut-0',
          'cut-1',
          'cut-2',
          '--no',
          'cut-7',
          'cut-8',
          'cut-9',
        ],
        ['analyze classify', 'label_sets', 'exif_iso:4', '--min-photos', '2', '--folds', '0', '--save', 'cut'],
        ['export', 'embeddings', 'cut'],
      ])('%s', { timeout: 6 * MINUTE }, async (command, locked, ...args) => {
        const blocker = new pg.Client({ connectionString: databaseUrl, application_name: 'blocker' })
        await blocker.connect()
        await blocker.query(`begin; lock table ${locked} in access exclusive mode`)
        const running = watched.sandbox.start(...command.split(' '), ...args, '--model', 'cut@imported')
        await until('the command to wait', async () => (await waiting()).length > 0)
        await interrupted(running, () => blocker.end())
        await watched.ended(130, running)
      })

      test('import', { timeout: 6 * MINUTE }, async () => {
        const blocker = new pg.Client({ connectionString: databaseUrl, application_name: 'blocker' })
        await blocker.connect()
        await blocker.query('begin; lock table imports in access exclusive mode')
        const running = watched.sandbox.start('import', ...(await placed()))
        await until('the command to wait', async () => (await waiting()).length > 0)
        await interrupted(running, () => blocker.end())
        await watched.ended(130, running)
      })
    })

    test('models correct', { timeout: 6 * MINUTE }, async () => {
      const blocker = new pg.Client({ connectionString: databaseUrl, application_name: 'blocker' })
      await blocker.connect()
      await blocker.query('begin; lock table reference_scores in access exclusive mode')
      const texts = join(watched.sandbox.home, 'references.txt')
      await writeFile(texts, 'a boat\na cat\na house\n')
      const running = watched.sandbox.start('models', 'correct', 'demo', '--references', texts)
      await until('the command to wait', async () => (await waiting()).length > 0)
      await interrupted(running, () => blocker.end())
      await watched.ended(130, running)
    })

    test('models pull', { timeout: 6 * MINUTE }, async () => {
      const firstFile = resolveModel('clip-vit-b-32@int8').origin.files[0] as ModelFile
      let asked = false
      const hub = createServer((_request, response) => {
        response.writeHead(200, { 'content-length': firstFile.bytes }).write('{')
        asked = true
      }).listen(0, '127.0.0.1')
      await once(hub, 'listening')
      const { port } = hub.address() as AddressInfo
      const pulling = await Watched.create(null, { HF_ENDPOINT: `http://127.0.0.1:${port}` })
      const running = pulling.sandbox.start('models', 'pull', 'clip-vit-b-32@int8')
      await until('the download', () => asked)
      await interrupted(running)
      await pulling.ended(130, running)
      await pulling.close()
      hub.closeAllConnections()
      hub.close()
    })

    test('demo', { timeout: 6 * MINUTE }, async () => {
      const running = watched.sandbox.start('demo', '--count', '60', '--folder', 'cut-demo')
      await until('scenes', () => existsSync(join(watched.sandbox.home, 'cut-demo', 'dataset')))
      await interrupted(running)
      await watched.ended(130, running)
    })
  })
})

describe.skipIf(!hasProc)('on the embedded database a command leaves nothing but its server behind:', () => {
  let watched: Watched
  let images: HeldImages
  beforeAll(async () => {
    images = await startHeldImages()
    watched = await Watched.create(null, { ALLOW_HOSTS: images.host, PHOTOS_PER_JOB: '4' })
  })
  afterAll(async () => {
    await watched?.close()
    await images?.close()
  })

  test('ingest, worker, search, and then the server itself', { timeout: 8 * MINUTE }, async () => {
    const list = join(watched.sandbox.home, 'urls.txt')
    await writeFile(list, Array.from({ length: PHOTOS }, (_, i) => `http://${images.host}/${i}.jpg`).join('\n'))
    await watched.run(0, 'ingest', list)
    await watched.run(0, 'worker', '--processes', '2', '--until-idle')
    await watched.run(0, 'ingest', list, '--processes', '1')
    await watched.run(0, 'search', 'a boat')
    await watched.run(0, 'status')
    await watched.run(0, 'db', 'start')
    expect((await watched.run(0, 'db', 'stop')).stdout).toContain('was stopped')
  })
})
