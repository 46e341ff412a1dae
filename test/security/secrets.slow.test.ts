import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loggable } from '../../src/domain/text/loggable.js'
import { Sandbox } from '../support/cli.js'
import { jpegPhoto } from '../support/images/sample-images.js'
import { plantDatabase } from '../support/servers/embedded-seed.js'
import { type TestServer as HttpServer, startHttp } from '../support/servers/http-server.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'

const MINUTE = 60_000
const SECRET = 'hunter2-6f1d'
/** Reserved (tcpmux): nobody listens there. */
const NOBODY = '127.0.0.1:1'

function expectNoSecret(text: string): void {
  const line = text.split('\n').find(line => line.includes('hunter2'))
  expect(line, 'a line with the secret').toBeUndefined()
}

describe('a setting that is wrong or leads nowhere', () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await Sandbox.create()
    await plantDatabase(join(sandbox.home, 'database'), 'schema')
  })
  afterAll(async () => {
    delete sandbox.environment.DATABASE_URL
    await sandbox.close()
  })

  const withSecret = (environment: Record<string, string>, ...args: string[]) =>
    [JSON.stringify(environment), environment, args] as const
  const away = `postgres://me:${SECRET}@${NOBODY}/photos`
  test.each([
    withSecret({ DATABASE_URL: away }, 'status'),
    withSecret({ DATABASE_URL: away }, 'worker', '--until-idle'),
    withSecret({ DATABASE_URL: away }, 'search', 'dog', '--json'),
    withSecret({ DATABASE_URL: `postgres://me:${SECRET}@127.0.0.1:x/photos` }, 'status'),
    withSecret({ DATABASE_URL: `postgres://me:${SECRET}%ZZ@${NOBODY}/photos` }, 'status'),
    withSecret({ DATABASE_URL: `postgres://me@${NOBODY}/photos?password=${SECRET}` }, 'status'),
    withSecret({ DATABASE_URL: `postgres://me:${SECRET}@${NOBODY}/photos?sslmode=${SECRET}` }, 'status'),
    withSecret({ DATABASE_URL: `mysql://me:${SECRET}@${NOBODY}/photos` }, 'status'),
    withSecret({ DATABASE_URL: `me:${SECRET}@db` }, 'status'),
    withSecret({ REDIS_URL: `redis://me:${SECRET}@${NOBODY}/1` }, 'status'),
    withSecret({ REDIS_URL: `rediss://:${SECRET}@${NOBODY}` }, 'status'),
    withSecret({ REDIS_URL: `redis-sentinel://:${SECRET}@${NOBODY}/main?sentinelPassword=${SECRET}` }, 'status'),
    withSecret({ REDIS_URL: `redis-cluster://:${SECRET}@${NOBODY}` }, 'status'),
    withSecret({ REDIS_URL: `redis-sentinel://:${SECRET}@${NOBODY}` }, 'status'),
    withSecret({ REDIS_URL: `redis://:${SECRET}@a,b` }, 'status'),
    withSecret({ REDIS_URL: `http://:${SECRET}@a` }, 'status'),
    withSecret({ S3_ENDPOINT: `ftp://me:${SECRET}@${NOBODY}` }, 'status'),
    withSecret({ OBJECT_STORE: `http://me:${SECRET}@${NOBODY}/x` }, 'worker', '--until-idle'),
    withSecret({ HF_ENDPOINT: `gopher://me:${SECRET}@${NOBODY}` }, 'models', 'list'),
    withSecret(
      { HF_ENDPOINT: `http://me:${SECRET}@${NOBODY}`, MODEL: 'clip-vit-b-32', MODELS_DIR: 'none' },
      'models',
      'pull',
    ),
    withSecret(
      { MODEL_SOURCE: `http://${NOBODY}/?token=${SECRET}`, MODEL: 'clip-vit-b-32', MODELS_DIR: 'none' },
      'models',
      'pull',
    ),
    withSecret(
      {
        OBJECT_STORE: 's3://photos/prefix',
        S3_ENDPOINT: `http://me:${SECRET}@${NOBODY}`,
        S3_FORCE_PATH_STYLE: 'true',
        AWS_ACCESS_KEY_ID: `AKIA${SECRET}`,
        AWS_SECRET_ACCESS_KEY: SECRET,
        AWS_SESSION_TOKEN: SECRET,
      },
      'worker',
      '--until-idle',
    ),
    withSecret({}, 'search', '--image', `http://me:${SECRET}@${NOBODY}/a.jpg?token=${SECRET}`),
    withSecret({}, 'search', '--image', `http://${NOBODY}/a.jpg?token=${SECRET}`),
  ])('%s: its secret is not repeated', { timeout: 4 * MINUTE }, async (_, environment, args) => {
    for (const name of Object.keys(sandbox.environment)) delete sandbox.environment[name]
    Object.assign(sandbox.environment, { MODEL: 'demo', LOG_LEVEL: 'trace', ...environment })
    const { code, stdout, stderr } = await sandbox.run(...args)
    expect(code).not.toBe(0)
    expect(stderr).not.toBe('')
    expectNoSecret(stdout + stderr)
  })
})

test('of an error that carries what a library was given, only what is meant to be read is logged', () => {
  const error = Object.assign(new Error('WRONGPASS invalid username-password pair', { cause: urlError() }), {
    code: 'ERR',
    command: { name: 'auth', args: ['me', SECRET] },
    parameters: [SECRET],
    detail: `Failing row contains (${SECRET})`,
  })
  const logged = loggable(error)
  expect(logged).toMatchObject({ type: 'Error', code: 'ERR', message: expect.stringContaining('WRONGPASS') })
  expect(logged.cause).toMatchObject({ type: 'TypeError', code: 'ERR_INVALID_URL' })
  expectNoSecret(JSON.stringify(logged))
})

function urlError(): unknown {
  try {
    return new URL(`postgres://me:${SECRET}@a:b`)
  } catch (error) {
    expect(JSON.stringify(error)).toContain(SECRET)
    return error
  }
}

describe.skipIf(!hasNativeServer() || !hasRedis())('an ingest of signed URLs, with passwords everywhere', () => {
  let database: TestServer
  let redis: TestRedis
  let images: HttpServer
  let sandbox: Sandbox
  let databaseUrl: string
  const said: string[] = []

  beforeAll(async () => {
    database = await nativeServer()
    redis = await startRedis({ password: SECRET })
    const photo = await jpegPhoto()
    images = await startHttp((request, response) => {
      const { pathname, search } = new URL(request.url!, 'http://x')
      if (!search.includes(SECRET)) response.writeHead(403).end()
      else if (pathname === '/ok.jpg') response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo)
      else if (pathname === '/page.jpg')
        response.writeHead(200, { 'content-type': `text/html; a=${SECRET}` }).end('<p>')
      else if (pathname === '/text.jpg') response.writeHead(200).end(`This answer repeats its token: ${SECRET}`)
      else if (pathname === '/moved.jpg')
        response.writeHead(302, { location: `http://10.0.0.1/?token=${SECRET}` }).end()
      else if (pathname === '/login.jpg') response.writeHead(302, { location: `http://me:${SECRET}@${NOBODY}/` }).end()
      else if (pathname === '/loop.jpg') response.writeHead(302, { location: request.url }).end()
      else if (pathname === '/cut.jpg') response.writeHead(200, { 'content-length': 1000 }).end(photo.subarray(0, 10))
      else if (pathname === '/reset.jpg') request.socket.resetAndDestroy()
      else response.writeHead(404).end()
    })
    const url = new URL(await database.freshUrl())
    // A server that trusts everybody does not look at it, but everything that may leak a password has it.
    if (url.password === '') url.password = SECRET
    databaseUrl = url.href
    sandbox = await Sandbox.create({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      ALLOW_HOSTS: `${images.host},${NOBODY}`,
      LOG_LEVEL: 'trace',
      MAX_ATTEMPTS: '2',
      RETRY_BASE_MS: '10',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: SECRET,
    })
  })
  afterAll(async () => {
    await sandbox?.close()
    await images?.close()
    await redis?.stop()
    await database?.close()
  })

  const NAMES = ['ok', 'page', 'text', 'moved', 'login', 'loop', 'cut', 'reset', 'gone']

  test('says nothing of them, neither on its command lines nor in what it prints and logs', {
    timeout: 6 * MINUTE,
  }, async () => {
    const urls = NAMES.map(name => `${images.origin}/${name}.jpg?X-Signature=${SECRET}`)
    await writeFile(join(sandbox.home, 'urls.txt'), [...urls, `http://me:${SECRET}@${NOBODY}/a.jpg`].join('\n'))
    const worker = sandbox.start('worker')
    await until('the worker to be at work', () => worker.stderr().includes('worker started'))
    const ingest = sandbox.start('ingest', 'urls.txt', '--wait', '--url-template', `{image_url}&more=${SECRET}`)
    const seen = new Set<string>()
    const looking = setInterval(() => {
      for (const line of commandLines()) seen.add(line)
    }, 50)
    const ended = await ingest.finished
    clearInterval(looking)
    said.push(ended.stdout, ended.stderr)
    expect(ended.code).toBe(3)
    expect(ended.stdout).toContain(`1 of ${NAMES.length + 1} photos embedded`)
    // The template was given on the command line by whoever typed it; no process that is started may repeat it.
    const others = [...seen].filter(line => !line.includes('--url-template'))
    expect(others.some(line => line.includes(' worker'))).toBe(true)
    expectNoSecret(others.join('\n'))

    const client = new Redis(redis.url)
    await client.config('SET', 'requirepass', `${SECRET}-other`)
    await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {})
    client.disconnect()
    await until('the worker to be refused', () => /WRONGPASS|NOAUTH/.test(worker.stderr()))
    worker.child.kill('SIGKILL')
    said.push(worker.stderr(), (await worker.finished).stdout)
    said.forEach(expectNoSecret)
  })

  test('records them nowhere but where the URL of the photo itself is kept', async () => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    try {
      const { rows: tables } = await client.query(
        `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and relname <> 'photos'`,
      )
      for (const { name } of tables) {
        const { rows } = await client.query(`select t::text as row from ${name} t`)
        for (const { row } of rows) expect(row, name).not.toContain('hunter2')
      }
      const { rows } = await client.query('select code, message from failures order by code')
      expect(rows.length).toBe(NAMES.length)
      for (const { message } of rows) expect(message).not.toContain('?')
    } finally {
      await client.end()
    }
  })

  /** Of the processes of the project. */
  function commandLines(): string[] {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(pid => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        } catch {
          return '' // it has ended
        }
      })
      .filter(line => line.includes('dist/'))
  }
})
