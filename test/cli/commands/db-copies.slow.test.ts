import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { answersOf, fillCollection } from '../../db/dump/collection.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'

const GATE = 4_711
/** The first label that is written waits for the gate. */
const WAIT_AT_LABELS = `
  create function wait_at_labels() returns trigger language plpgsql as $$
  begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$;
  create function add_gate() returns event_trigger language plpgsql as $$
  begin
    if exists (select from pg_event_trigger_ddl_commands() where object_identity = 'public.label_rows' and object_type = 'table') then
      create trigger gate before insert on public.label_rows for each row execute function wait_at_labels();
    end if;
  end $$;
  create event trigger add_gate on ddl_command_end when tag in ('CREATE TABLE') execute function add_gate()`
const NO_GATE = 'drop event trigger add_gate; drop function add_gate; drop function wait_at_labels cascade'
const IS_WAITING = `select count(*) as n from pg_locks where locktype = 'advisory' and objid = ${GATE} and not granted`
const IS_HELD = `select count(*) as n from pg_locks l join pg_database d on d.oid = l.database
                  where l.locktype = 'advisory' and d.datname = current_database()`

describe.skipIf(!hasNativeServer())('a database that moves up', () => {
  let sandbox: Sandbox
  let server: TestServer
  let source: Database
  beforeAll(async () => {
    ;[sandbox, server] = await Promise.all([Sandbox.create(), nativeServer()])
    await sandbox.run('db', 'migrate')
    source = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
    await fillCollection(source)
  })
  afterAll(async () => {
    await source?.close()
    await Promise.all([sandbox?.close(), server?.close()])
  })

  test('says what a backup holds and what it does not, and restores into another home', async () => {
    const backup = await sandbox.run('db', 'backup', 'all.backup')
    expect(backup.stderr).toBe('')
    expect(backup.stdout).toMatch(
      /^Backed up 1,200 photos, 1,200 embeddings, 1,200 labels, 1 run and [\d,]+ other rows to .*all\.backup: .*, read back and checked\.$/m,
    )
    expect(backup.stdout).toContain(`the compressed copies, which are in ${join(sandbox.home, 'objects')}`)
    const other = await Sandbox.create()
    const restored = await other.run('db', 'restore', join(sandbox.home, 'all.backup'))
    expect(restored.stdout).toContain('Counts and digests are equal.')
    expect(restored.stdout).toMatch(/Enqueue what is unfinished: (npx )?unsplash-clip ingest --only-missing/)
    expect((await other.run('index', 'status')).stdout).toContain('embeddings_m1_ivfflat')
    const again = await other.run('db', 'restore', join(sandbox.home, 'all.backup'))
    expect(again.stderr).toMatch(/^DATABASE_NOT_EMPTY: .*1,200 in photos/)
    expect(again.code).toBe(1)
    await other.close()
    const missing = await sandbox.run('db', 'restore', 'missing.backup')
    expect(missing.stderr).toMatch(/^FILE_FAILED: .*missing\.backup: no such file or folder/)
  })

  test('is complete after a kill in the middle and the same command again', async () => {
    const url = await server.freshUrl()
    const target = await openDatabase({ url })
    await target.query('create extension vector')
    await target.transaction(session => session.query(WAIT_AT_LABELS))
    const gate = await target.pool.connect()
    await gate.query(`select pg_advisory_lock(${GATE})`)

    const killed = sandbox.start('db', 'move', '--to', url)
    await until('the move to reach the labels', async () => (await target.query<{ n: number }>(IS_WAITING))[0]!.n > 0)
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    await gate.query(`select pg_advisory_unlock(${GATE})`)
    gate.release()
    await until('the end of its sessions', async () => (await target.query<{ n: number }>(IS_HELD))[0]!.n === 0)
    expect(await target.query('select count(*) as n from photos')).toEqual([{ n: 1200 }])
    expect(await target.query('select count(*) as n from label_rows')).toEqual([{ n: 0 }])
    await target.transaction(session => session.query(NO_GATE))

    const moved = await sandbox.run('db', 'move', '--to', url)
    expect(moved.stderr).toBe('')
    expect(moved.stdout).toContain('continuing an interrupted move. Counts and digests are equal.')
    const [before, after] = [await answersOf(source), await answersOf(target)]
    expect(after.ids).toEqual(before.ids)
    await target.close()
  })

  test('refuses an address of another kind without showing its password', async () => {
    const { code, stderr } = await sandbox.run('db', 'move', '--to', 'mysql://me:secret@host/photos')
    expect(stderr).toMatch(/^USAGE: --to expects an address like postgres:/)
    expect(stderr).not.toContain('secret')
    expect(code).toBe(2)
  })
})
