import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'

describe('db status', () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await Sandbox.createEmpty({}, { hosted: true })
    await plantDatabase(join(sandbox.home, 'database'), 'nothing')
    expect((await sandbox.run('db', 'migrate')).stdout).toMatch(
      /^Applied 0001_photos, .*, \d+ functions and views\.\n$/,
    )
  })
  afterAll(() => sandbox?.close())

  async function execute(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }

  test('says that all functions are the expected ones', async () => {
    const { code, stdout } = await sandbox.run('db', 'status')
    expect(stdout).toMatch(/^Functions {3}\d+ functions and views, all as expected$/m)
    expect(code).toBe(0)
  })

  test('names functions that are missing or different, and how to repair them', async () => {
    await execute('drop function search_embeddings; alter function write_photo_texts reset jit')
    const { code, stdout } = await sandbox.run('db', 'status')
    expect(stdout).toMatch(
      /missing in the database: search_embeddings; different in the database: write_photo_texts; .*unsplash-clip db migrate/,
    )
    expect(code).toBe(1)
    const json = await sandbox.run('db', 'status', '--json')
    expect(json.objects()[0]).toMatchObject({
      functions: { pending: [], missing: ['search_embeddings'], changed: ['write_photo_texts'] },
    })
    expect(json.code).toBe(1)

    const [repaired] = (await sandbox.run('db', 'migrate', '--json')).objects()
    expect(repaired).toMatchObject({ applied: [], functions: expect.arrayContaining(['search_embeddings']) })
    expect((await sandbox.run('db', 'status')).code).toBe(0)
  })

  test('ends with 1 while a migration has still to be applied: workers of a new version wait for that', async () => {
    await execute(`delete from schema_functions where name = 'search_embeddings'`)
    const { code, stdout } = await sandbox.run('db', 'status')
    expect(stdout).toContain('still to be applied: 1')
    expect(code).toBe(1)
    expect((await sandbox.run('db', 'migrate')).code).toBe(0)
    expect((await sandbox.run('db', 'status')).code).toBe(0)
  })

  test('and every other command refuse a database of a build from before 0.1.0, and say what to do', async () => {
    await execute(`insert into schema_migrations values ('0001_tables', '')`)
    for (const args of [
      ['db', 'status'],
      ['db', 'migrate'],
      ['status'],
      ['search', 'a dog'],
      ['worker', '--until-idle'],
    ]) {
      const { code, stderr } = await sandbox.run(...args)
      expect(stderr).toMatch(/MIGRATION_FAILED: .*before version 0\.1\.0.*Use a new database.*UNSPLASH_CLIP_HOME/)
      expect(code).toBe(1)
    }
  })
})
