import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { Sandbox } from '../support/cli.js'
import { jpegPhoto } from '../support/images/sample-images.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { findsRedis, type RedisServer, redisServer } from '../support/servers/redis.js'

const SECRET = 'hunter2-6f1d'
const TABLES = `
  select format('%I.%I', schemaname, tablename) as name from pg_tables
   where schemaname not in ('pg_catalog', 'information_schema')`

describe('a secret that a URL template names', () => {
  let sandbox: Sandbox
  let database: Database
  let images: TestServer
  const asked: string[] = []
  const said: string[] = []

  const run = async (...args: string[]) => {
    const finished = await sandbox.run(...args)
    said.push(finished.stdout, finished.stderr)
    return finished
  }
  const template = (name = 'MIRROR_TOKEN') => `${images.origin}/{photo_id}.jpg?token=$\{${name}}`
  const worker = () => run('worker', '--until-idle', '--allow-host', images.host)
  const inDatabase = async (text: string) => {
    const tables = await database.query<{ name: string }>(TABLES)
    const statement = tables.map(
      ({ name }) => `select '${name}' as name from ${name} as t where strpos(t::text, $1) > 0`,
    )
    return [
      ...new Set((await database.query<{ name: string }>(statement.join(' union all '), [text])).map(row => row.name)),
    ]
  }

  beforeAll(async () => {
    const photo = await jpegPhoto(40, 30)
    images = await startHttp((request, response) => {
      asked.push(request.url!)
      if (!request.url!.endsWith(`?token=${SECRET}`)) response.writeHead(403).end()
      else if (request.url!.startsWith('/moved')) response.writeHead(302, { location: `/x?token=${SECRET}&1` }).end()
      else if (request.url!.startsWith('/gone')) response.writeHead(404).end(`no ${request.url}`)
      else response.end(photo)
    })
    sandbox = await Sandbox.create({ MIRROR_TOKEN: SECRET, LOG_LEVEL: 'trace', LABEL_SETS: 'none', MAX_ATTEMPTS: '1' })
    const rows = ['here', 'gone', 'moved'].map(id => `${id},https://elsewhere.test/${id}.jpg\n`)
    await writeFile(join(sandbox.home, 'photos.csv'), `photo_id,photo_image_url\n${rows.join('')}`)
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  })
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
    await images?.close()
  })

  test('is in no table: neither while its batch is in the queue, nor parked, nor after failures; nor in logs', {
    timeout: 300_000,
  }, async () => {
    const ingest = await run('ingest', 'photos.csv', '--url-template', template(), '--json')
    const id = ingest.objects().find(object => 'run' in object)!.run as string
    expect([await inDatabase(SECRET), await inDatabase('MIRROR_TOKEN')]).toEqual([
      [],
      expect.arrayContaining(['bullmq.job', 'public.url_templates']),
    ])
    await run('run', 'pause', id)
    await worker()
    expect([await inDatabase(SECRET), await inDatabase('MIRROR_TOKEN')]).toEqual([
      [],
      expect.arrayContaining(['public.parked_batches', 'public.url_templates']),
    ])
    await run('run', 'resume', id)
    expect((await worker()).code).toBe(3)
    expect(asked.filter(url => url.endsWith(SECRET)).sort()).toEqual([
      `/gone.jpg?token=${SECRET}`,
      `/here.jpg?token=${SECRET}`,
      `/moved.jpg?token=${SECRET}`,
    ])
    const failures = await database.query('select photo_id as id, code from failures order by 1')
    expect(failures).toEqual([
      { id: 'gone', code: 'HTTP_404' },
      { id: 'moved', code: 'HTTP_403' },
    ])
    expect(await inDatabase(SECRET)).toEqual([])
    expect(said.filter(text => text.includes(SECRET))).toEqual([])
  })

  test('is not sent by a worker of a home where the template was not given, until it is allowed there', {
    timeout: 300_000,
  }, async () => {
    const other = await Sandbox.createEmpty({
      DATABASE_URL: (await sandbox.run('db', 'url')).stdout.trim(),
      ...{ MIRROR_TOKEN: SECRET, LABEL_SETS: 'none', LOG_LEVEL: 'info', OBJECT_STORE: join(sandbox.home, 'objects') },
    })
    await run('ingest', '--retry-failed', 'HTTP_404')
    const before = asked.length
    const stranger = other.start('worker', '--until-idle', '--allow-host', images.host)
    await expect.poll(stranger.stderr, { timeout: 200_000 }).toContain('was not given on this machine')
    stranger.child.kill('SIGTERM')
    await stranger.finished
    expect(asked).toHaveLength(before)
    await other.run('worker', '--until-idle', '--allow-host', images.host, '--allow-template', template())
    expect(asked.slice(before)).toEqual([`/gone.jpg?token=${SECRET}`])
    await rm(other.home, { recursive: true })
  })

  test.skipIf(!findsRedis())('is in no key of Redis', async () => {
    const server: RedisServer = await redisServer()
    const redis = new Redis(server.url)
    try {
      sandbox.environment.REDIS_URL = server.url
      await run('ingest', '--retry-failed', '--url-template', template())
      const dump = []
      for (const key of await redis.keys('*')) dump.push(await textOf(redis, key))
      expect(dump.join('\n')).toContain('MIRROR_TOKEN')
      expect(dump.join('\n')).not.toContain(SECRET)
    } finally {
      delete sandbox.environment.REDIS_URL
      redis.disconnect()
      await server.stop()
    }
  })

  test('is not shown by the refusal of a template that gives no URL', async () => {
    const { code, stderr } = await run('ingest', 'photos.csv', '--url-template', '$' + '{MIRROR_TOKEN}{photo_id}')
    expect([code, stderr]).toEqual([2, expect.stringContaining('{MIRROR_TOKEN}{photo_id}')])
    expect(stderr).not.toContain(SECRET)
  })
})

async function textOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key)
  if (type === 'hash') return JSON.stringify(await redis.hgetall(key))
  if (type === 'stream') return JSON.stringify(await redis.xrange(key, '-', '+'))
  if (type === 'zset') return (await redis.zrange(key, 0, -1)).join()
  if (type === 'list') return (await redis.lrange(key, 0, -1)).join()
  return (await redis.get(key)) ?? ''
}
