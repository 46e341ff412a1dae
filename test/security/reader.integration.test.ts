import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { fillForDocs } from '../db/sql-docs-data.js'
import { Sandbox } from '../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'

const MINUTE = 60_000
const SUFFIX = Math.random().toString(36).slice(2, 8)
const READER = `uc_reading_${SUFFIX}`
const WORKER = `uc_working_${SUFFIX}`
const EXAMPLES = [
  ...readFileSync('docs/reference/sql.md', 'utf8').matchAll(/^```sql\n(.*?)^```\n(?:\n*^```text\n(ERROR)?)?/gms),
].map(([, sql, error]) => ({ sql: sql!, fails: error !== undefined }))
/** Examples that change something; their owner runs them. */
const WRITES =
  /^(insert|create|call)|\b(use_text_language|define_label_set|define_trained_set|label_photos|cancel_relabel|set_run_control|use_search_model|retire_model|define_references|reference_rest|reference_switch|use_correction)\(/

describe.skipIf(!hasNativeServer())('with pgvector in a schema of its own', () => {
  let server: TestServer
  let url: string
  let database: Database
  let reader: pg.Client
  let sandbox: Sandbox

  const as = (user: string, of = url): string => {
    const other = new URL(of)
    other.username = user
    other.password = 'test'
    return other.href
  }
  const asAdmin = async (sql: string, where = url): Promise<void> => {
    const client = new pg.Client({ connectionString: where })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  const nameOf = (of: string) => new URL(of).pathname.slice(1)
  const prepare = async (of: string) => {
    await asAdmin(
      'drop extension if exists vector cascade; create schema extensions; create extension vector schema extensions',
      of,
    )
    await asAdmin(`alter database ${nameOf(of)} set search_path = "$user", public, extensions`, of)
  }

  beforeAll(async () => {
    server = await nativeServer()
    url = await server.freshUrl()
    await prepare(url)
    sandbox = await Sandbox.create({ DATABASE_URL: url })
    const { code, stderr } = await sandbox.run('db', 'migrate')
    expect(`${code} ${stderr}`).toMatch(/^0/)
    database = await openDatabase({ url })
    await fillForDocs(database)
    for (const role of [READER, WORKER]) await asAdmin(`create role ${role} login password 'test'`)
    await asAdmin(readFileSync('infra/sql/roles.sql', 'utf8'))
    await asAdmin(`grant unsplash_clip_reader to ${READER}; grant unsplash_clip_worker to ${WORKER}`)
    reader = new pg.Client({ connectionString: as(READER) })
    await reader.connect()
  }, 4 * MINUTE)
  afterAll(async () => {
    await reader?.end()
    await database?.close()
    await sandbox?.close()
    for (const role of [READER, WORKER])
      await asAdmin(`drop owned by ${role} cascade; drop role ${role}`).catch(() => {})
    await server?.close()
  })

  test.each(EXAMPLES)('a reader may run what the documentation reads: $sql', async ({ sql, fails }) => {
    if (WRITES.test(sql)) {
      await database.query(sql).catch(error => {
        if (!fails) throw error
      })
      return
    }
    const run = reader.query(sql)
    if (fails) await expect(run).rejects.toMatchObject({ code: expect.stringMatching(/^UC/) })
    else await run
  })

  test('a worker registers a model, and a reader asks for a prompt', async () => {
    const worker = new pg.Client({ connectionString: as(WORKER) })
    await worker.connect()
    try {
      const { rows } = await worker.query(`select register_model('another', 'fp32', 'r', 3, 100) as id`)
      await worker.query(
        `insert into embeddings (model_id, photo_id, embedding) values ($1, '-N_UwPdUs7E', '[0,3,4]')`,
        [rows[0].id],
      )
      await worker.query(`update embeddings set embedding = '[1,1,1]' where model_id = $1`, [rows[0].id])
    } finally {
      await worker.end()
    }
    expect(
      (await reader.query(`select request_prompt('asked by a reader', 'another') as id`)).rows[0].id,
    ).not.toBeNull()
  })

  test.each([
    ['search', '--photo', '-N_UwPdUs7E', '--json'],
    ['search', 'a dog at night', '--json'],
    ['search', 'a dog at night', '--hybrid', '--json'],
    ['search', '--like', '-N_UwPdUs7E', '--minus', 'a beach', '--json'],
    ['photo', '-N_UwPdUs7E', '--json'],
    ['labels', 'show', '--json'],
    ['labels', 'show', 'taken_time', '--sample', '2', '--json'],
    ['facets', '--json'],
    ['duplicates', '--threshold', '0.8', '--json'],
    ['eval', 'column:photo_description,ai_description', '--words', 'prompts', '--variant', 'hybrid=0,1', '--json'],
    ['prompts', 'list', '--json'],
    ['models', 'list', '--json'],
    ['status', '--json'],
    ['run', 'list', '--json'],
    ['index', 'status', '--json'],
    ['db', 'status'],
  ])('a reader runs the commands that read: %s %s %s', { timeout: 4 * MINUTE }, async (...words) => {
    sandbox.environment.DATABASE_URL = as(READER)
    const { code, stdout, stderr } = await sandbox.run(
      ...words,
      ...(needsModel(words) ? ['--model', 'clip-vit-b-32@int8'] : []),
    )
    expect(stderr).not.toMatch(/FORBIDDEN|permission denied/)
    expect([0, 3], stdout + stderr).toContain(code)
    expect(stdout).not.toBe('')
  })

  test('a dump is restored where pgvector is in a schema of its own too', { timeout: 4 * MINUTE }, async () => {
    const other = await server.freshUrl()
    await prepare(other)
    const dump = execFileSync('pg_dump', ['--no-owner', '--no-acl', url], { maxBuffer: 2 ** 28 })
    execFileSync('psql', ['-q', '-v', 'ON_ERROR_STOP=1', other], {
      input: dump
        .toString()
        .replaceAll(
          /^(CREATE SCHEMA extensions|CREATE EXTENSION .*|COMMENT ON EXTENSION .*|CREATE SCHEMA public|COMMENT ON SCHEMA public.*);?$/gm,
          '',
        ),
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    const restored = await openDatabase({ url: other })
    try {
      expect(await restored.query(`select from similar_photos('-N_UwPdUs7E', k => 3)`)).toHaveLength(3)
      expect(
        await restored.query(
          `select define_label_set('again', '{label}', '{x,y}', array(select embedding from label_prompts limit 2))`,
        ),
      ).toHaveLength(1)
    } finally {
      await restored.close()
    }
  })
})

const needsModel = ([command]: readonly string[]) => !['photo', 'run', 'db', 'models'].includes(command!)
