import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.js'
import { gradient } from '../support/images/sample-images.js'
import { type TestServer as HttpServer, startHttp } from '../support/servers/http-server.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'

const ROLES = readFileSync('infra/sql/roles.sql', 'utf8')
const MINUTE = 60_000
const PHOTOS = 5
/** Of this test alone, on whichever server. */
const SUFFIX = Math.random().toString(36).slice(2, 8)
const USERS = { owner: `uc_owner_${SUFFIX}`, worker: `uc_worker_${SUFFIX}`, reader: `uc_reader_${SUFFIX}` }
const FORBIDDEN = '42501'

describe.skipIf(!hasNativeServer())('the roles of infra/sql/roles.sql, on a native server', () => {
  let server: TestServer
  let images: HttpServer
  let adminUrl: string
  let sandbox: Sandbox
  const clients: pg.Client[] = []

  beforeAll(async () => {
    server = await nativeServer()
    adminUrl = await server.freshUrl()
    const photo = await gradient(320, 240).jpeg().toBuffer()
    images = await startHttp((request, response) => {
      if (request.url === '/gone.jpg') response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo)
    })
    const database = new URL(adminUrl).pathname.slice(1)
    for (const user of Object.values(USERS)) await asAdmin(`create role ${user} login password 'test'`)
    await asAdmin('create extension vector')
    await asAdmin(`alter database ${database} owner to ${USERS.owner}`)
    await asAdmin(`alter schema public owner to ${USERS.owner}`)
    sandbox = await Sandbox.create({ ALLOW_HOSTS: images.host }, { hosted: true })
    const names = ['gone', ...Array.from({ length: PHOTOS }, (_, i) => `photo-${i}`)]
    await writeFile(join(sandbox.home, 'urls.txt'), names.map(name => `${images.origin}/${name}.jpg`).join('\n'))
  })
  afterAll(async () => {
    await Promise.all(clients.map(client => client.end()))
    await sandbox?.close()
    await images?.close()
    for (const role of [...Object.values(USERS), 'unsplash_clip_worker', 'unsplash_clip_reader'])
      await asAdmin(`drop owned by ${role} cascade; drop role ${role}`).catch(() => {
        // On a shared server the group roles may have grants in a database of somebody else.
      })
    await server?.close()
  })

  function urlOf(user: keyof typeof USERS): string {
    const url = new URL(adminUrl)
    url.username = USERS[user]
    url.password = 'test'
    return url.href
  }

  async function asAdmin(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: adminUrl })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }

  async function connect(user: keyof typeof USERS): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: urlOf(user) })
    await client.connect()
    clients.push(client)
    return client
  }

  /** A command of `unsplash-clip`, run with the rights of a user. */
  function run(user: keyof typeof USERS, ...args: string[]) {
    sandbox.environment.DATABASE_URL = urlOf(user)
    return sandbox.run(...args)
  }

  test('before the schema is there, a worker says who has to migrate', async () => {
    await asAdmin('revoke create on schema public from public')
    const { code, stderr } = await run('worker', 'worker', '--until-idle')
    expect(stderr).toMatch(/MIGRATION_FAILED: The schema of the database is behind, 0001_photos, .* may not change it/)
    expect(stderr).toContain('Run as the owner of the schema: npx unsplash-clip db migrate')
    expect(code).toBe(1)
  })

  test('before the script has run, a worker says what it may not do', { timeout: 4 * MINUTE }, async () => {
    expect((await run('owner', 'db', 'migrate')).stdout).toContain('0001_photos')
    const { code, stderr } = await run('worker', 'worker', '--until-idle')
    expect(stderr).toMatch(/DATABASE_FORBIDDEN: .*schema_migrations.*roles\.sql/)
    expect(code).toBe(1)
  })

  test('are made by an administrator, as often as he likes', async () => {
    await asAdmin(ROLES)
    await asAdmin(ROLES)
    await asAdmin(`grant unsplash_clip_worker to ${USERS.worker}; grant unsplash_clip_reader to ${USERS.reader}`)
  })

  test('know every table and view of the schema', async () => {
    const owner = await connect('owner')
    const { rows } = await owner.query(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
          and not relispartition`,
    )
    const names: string[] = rows.map(row => row.relname)
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter(name => !new RegExp(`\\b${name}\\b`).test(ROLES))).toEqual([])
  })

  test('let a worker ingest, retry and label', { timeout: 6 * MINUTE }, async () => {
    const ingest = await run('worker', 'ingest', 'urls.txt', '--processes', '1', '--json')
    expect(ingest.stderr).not.toMatch(/FORBIDDEN|permission denied/)
    expect(ingest.objects()[1]).toMatchObject({ photos: PHOTOS + 1, done: PHOTOS, failed: 1 })
    const again = await run('worker', 'ingest', '--retry-failed', '--processes', '1', '--json')
    expect(again.objects()[1]).toMatchObject({ photos: 1, failed: 1 })
    await writeFile(
      join(sandbox.home, 'season.json'),
      '{"name": "season", "template": "in {label}", "labels": ["summer", "winter"]}',
    )
    const label = await run('worker', 'labels', 'predict', './season.json', '--json')
    expect(label.code).toBe(0)
    const photos = label.objects().map(row => Number(row.photos))
    expect(photos.reduce((sum, count) => sum + count)).toBe(PHOTOS)
    await writeFile(
      join(sandbox.home, 'season.json'),
      '{"name": "season", "template": "during {label}", "labels": ["winter", "summer"]}',
    )
    const changed = await run('worker', 'labels', 'predict', './season.json', '--json')
    expect(changed.objects().map(row => row.label)).toEqual(['winter', 'summer'])
    const cancelled = await run('worker', 'labels', 'predict', 'season', '--cancel')
    expect(cancelled.stderr).toMatch(/NOT_FOUND: No change of the label set season is in progress/)
    expect((await run('worker', 'status')).stdout).toContain(`${PHOTOS} embedded, 1 failed`)
  })

  test('let a worker load the tables of the dataset, and a reader read them', { timeout: 4 * MINUTE }, async () => {
    await writeFile(join(sandbox.home, 'keywords.csv'), 'photo_id,keyword\na1,dog\n')
    const load = ['ingest', '--table', 'keywords', 'keywords.csv', '--all-photos', '--json']
    expect((await run('worker', ...load)).objects()[0]).toMatchObject({ written: 1 })
    expect((await run('worker', ...load)).objects()[0]).toMatchObject({ unchanged: 1 })
    expect((await run('reader', ...load)).stderr).toContain('DATABASE_FORBIDDEN')
    const reader = await connect('reader')
    expect((await reader.query('select photo_id, keyword from photo_keywords')).rows).toEqual([
      { photo_id: 'a1', keyword: 'dog' },
    ])
  })

  test('let a reader search, by the commands and in SQL', { timeout: 4 * MINUTE }, async () => {
    const hits = (await run('reader', 'search', 'a red house', '-k', '3', '--label', 'season=winter:0', '--json'))
      .stdout
    const all = await run('reader', 'search', 'a red house', '--json')
    expect(all.stderr).toBe('')
    expect(all.objects()).toHaveLength(PHOTOS)
    expect(hits.split('\n').length).toBeLessThanOrEqual(4)
    const id = String(all.objects()[0]!.photo_id)
    expect((await run('reader', 'search', '--photo', id, '--json')).objects()).toHaveLength(PHOTOS - 1)
    expect((await run('reader', 'labels', 'show', 'season', '--sample', '2')).code).toBe(0)
    expect((await run('reader', 'photo', id, '--json')).objects()[0]).toMatchObject({ photo: { photo_id: id } })

    const reader = await connect('reader')
    const { rows } = await reader.query('select similar_id from similar_photos($1)', [id])
    expect(rows).toHaveLength(PHOTOS - 1)
    for (const sql of [
      `select * from label_histogram('season')`,
      `select * from label_sample('season', 2)`,
      `select * from photo_status where state = 'failed'`,
      'select * from labelled_photos',
      'select * from run_progress',
      'select * from monitoring',
    ])
      expect((await reader.query(sql)).rows.length).toBeGreaterThan(0)
  })

  test.each([
    'create table attack ()',
    'create schema attack',
    'create extension pg_trgm',
    'drop table photos',
    'drop schema public cascade',
    'alter table photos add column attack text',
    'alter table embeddings_m1 add column attack text',
    'alter function register_model security invoker',
    'create or replace function count_batch(batch_id text) returns void language sql as $$ select $$',
    'truncate photos cascade',
    'delete from photos',
    'delete from embeddings',
    'delete from embeddings_m1',
    'update embeddings_m1 set stored_key = null',
    'delete from runs',
    'delete from batches',
    'update models set name = $$attack$$',
    `insert into models (name, precision, revision, dimension, logit_scale) values ('a', 'b', 'c', 1, 1)`,
    'delete from schema_migrations',
    `update schema_migrations set sha256 = ''`,
    'delete from bullmq.migration',
    'drop table bullmq.job',
    'create table bullmq.attack ()',
    `create role attack`,
    `grant unsplash_clip_worker to ${USERS.reader}`,
    `copy photos to '/tmp/attack'`,
    `copy photos from program 'true'`,
    `select pg_read_file('/etc/passwd')`,
    `select lo_import('/etc/passwd')`,
  ])('refuse a worker: %s', async sql => {
    const worker = await connect('worker')
    await expect(worker.query(sql)).rejects.toMatchObject({ code: FORBIDDEN })
  })

  test('refuse a reader whatever would change something, and what is not for it', async () => {
    const reader = await connect('reader')
    const tables = await reader.query(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
    )
    for (const { relname } of tables.rows)
      for (const sql of [`insert into ${relname} default values`, `delete from ${relname}`, `truncate ${relname}`])
        await expect(reader.query(sql), sql).rejects.toMatchObject({ code: FORBIDDEN })
    for (const sql of [
      `select register_model('a', 'b', 'c', 1, 1)`,
      `select label_photos('season')`,
      'select use_search_model(null)',
      `select retire_model('demo')`,
      `select record_outcome('x', 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{season}')`,
      'select options from runs',
      'select * from host_limits',
      'select embedding from embeddings_m1',
      'create table attack ()',
      `update photos set photo_description = 'x'`,
    ])
      await expect(reader.query(sql), sql).rejects.toMatchObject({ code: FORBIDDEN })
  })

  test('let a reader ask a worker for a prompt, and nothing else', async () => {
    const reader = await connect('reader')
    await expect(reader.query(`call embed_prompt('asked by a reader', '10 ms')`)).rejects.toMatchObject({
      code: 'UC006',
      message: expect.stringContaining('No worker answered within'),
    })
    expect((await reader.query('select prompt, answered_at from prompt_requests')).rows).toEqual([
      { prompt: 'asked by a reader', answered_at: null },
    ])
    for (const sql of [
      `insert into prompt_requests (model_id, prompt) values (1, 'mine')`,
      `update prompt_requests set problem = 'mine'`,
      `insert into prompt_embeddings (model_id, prompt, embedding) values (1, 'mine', '[1]')`,
    ])
      await expect(reader.query(sql), sql).rejects.toMatchObject({ code: FORBIDDEN })
    const combined = await run('reader', 'search', 'a house', '--minus', 'never stored', '--json')
    expect(combined.stderr).toBe('')
    expect(combined.objects()).toHaveLength(PHOTOS)
  })

  test('let a worker answer it', { timeout: 4 * MINUTE }, async () => {
    const reader = await connect('reader')
    sandbox.environment.DATABASE_URL = urlOf('worker')
    const worker = sandbox.start('worker')
    await reader.query(`call embed_prompt('asked by a reader', '1 minute')`)
    worker.child.kill('SIGTERM')
    expect((await worker.finished).code).toBe(0)
    const { rows } = await reader.query(`select from search_text('asked by a reader')`)
    expect(rows).toHaveLength(PHOTOS)
    expect((await run('worker', 'prompts', 'remove', 'asked by a reader')).code).toBe(0)
  })

  test('keep the one function that runs as the owner from being misled by objects of the caller', async () => {
    const worker = await connect('worker')
    await worker.query('create temp table models as select * from public.models')
    await worker.query('create temp table embeddings as select * from public.embeddings')
    await worker.query('set search_path = pg_temp, public')
    const name = `x"; drop table public.photos; --`
    const { rows } = await worker.query(`select public.register_model($1, 'p', 'r', 3, 1) as id`, [name])
    const owner = await connect('owner')
    const found = await owner.query(
      `select m.name, c.relowner::regrole::text as owner, c.relnamespace::regnamespace::text as schema
         from models m join pg_class c on c.relname = 'embeddings_m' || m.id where m.id = $1`,
      [rows[0].id],
    )
    expect(found.rows).toEqual([{ name, owner: USERS.owner, schema: 'public' }])
    expect((await owner.query('select count(*)::int as photos from photos')).rows).toEqual([{ photos: PHOTOS + 1 }])
  })
})
