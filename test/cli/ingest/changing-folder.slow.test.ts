import { appendFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { type Running, Sandbox } from '../../support/cli.js'
import { randomNumbers } from '../../support/random-numbers.js'
import { ChangingFolder } from './changing-folder.js'

const ROUNDS = Number(process.env.CHANGING_FOLDER_ROUNDS ?? 10)
const WATCH_ROUNDS = Number(process.env.CHANGING_FOLDER_WATCH_ROUNDS ?? 25)
const FILES = Number(process.env.CHANGING_FOLDER_FILES ?? 40)
const SEED = Number(process.env.CHANGING_FOLDER_SEED ?? 1)
/** Time within which a command that is to be killed is killed. */
const KILL_WITHIN_MS = Number(process.env.CHANGING_FOLDER_KILL_MS ?? 6000)
/** Share of the watched rounds in which the program or its worker is killed. */
const KILLS = Number(process.env.CHANGING_FOLDER_KILLS ?? 0.2)
/** Time for the database to become like the folder. Long, since nothing of this is about speed. */
const CONVERGE_MS = 10 * 60_000
const NO_LIMIT = 24 * 3600 * 1000

/** For runs of hours. */
function log(line: string): void {
  if (process.env.CHANGING_FOLDER_LOG) appendFileSync(process.env.CHANGING_FOLDER_LOG, `${line}\n`)
}

const PLACES = `
  select path, photo_id as id from photo_places`
/** All of the places as one value, which is compared in each poll. */
const PLACES_DIGEST = `
  select md5(coalesce(string_agg(path || ' ' || photo_id, chr(10) order by path collate "C"), '')) as value from photo_places`

describe(`a folder of ${FILES} files that changes at random (seed ${SEED})`, () => {
  let sandbox: Sandbox
  let folder: ChangingFolder
  let database: Database
  const random = randomNumbers(SEED)
  const chance = () => random() + 0.5

  beforeAll(async () => {
    // What a killed worker held comes back soon.
    sandbox = await Sandbox.create({ QUEUE_LOCK_MS: '1500' })
    folder = await ChangingFolder.create(SEED, FILES)
    await sandbox.run('db', 'migrate')
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  }, NO_LIMIT)
  afterAll(async () => {
    await database?.close()
    await folder?.close()
    await sandbox.close()
  })

  const command = (mode: '--sync' | '--watch') => [
    'ingest',
    folder.root,
    mode,
    '--yes',
    '--processes',
    '1',
    '--label-set',
    'none',
    '--json',
  ]
  const column = async (sql: string): Promise<string[]> =>
    (await database.query<{ value: string }>(sql)).map(({ value }) => value).toSorted()
  const embeddedAt = async (): Promise<Map<string, number>> => {
    const rows = await database.query<{ id: string; at: Date }>(
      'select photo_id as id, created_at as at from embeddings',
    )
    return new Map(rows.map(({ id, at }) => [id, at.getTime()]))
  }

  /** @param before embeddings before the change: those of photos that stay are the same, so nothing known was encoded */
  async function expectLikeFolder(before: ReadonlyMap<string, number>, what: string): Promise<void> {
    const contents = folder.contents()
    const ids = [...new Set(contents.values())].toSorted()
    const places = await database.query<{ path: string; id: string }>(PLACES)
    expect(new Map(places.map(({ path, id }) => [path, id])), what).toEqual(contents)
    expect(await column('select photo_id as value from photos'), what).toEqual(ids)
    const after = await embeddedAt()
    expect([...after.keys()].toSorted(), what).toEqual(ids)
    expect(await column('select code as value from failures'), what).toEqual([])
    for (const [id, at] of before) if (after.has(id)) expect(after.get(id), what).toBe(at)
    const stored = (await readdir(join(sandbox.home, 'objects'), { recursive: true })).filter(name =>
      name.endsWith('.jpg'),
    )
    expect(await column('select key as value from removed_copies'), what).toEqual([])
    expect(stored.toSorted(), what).toEqual(await column('select stored_key as value from embeddings'))
  }

  test(
    `with --sync after each change, the database equals it row by row, nothing is encoded twice, and no copy is left over (${ROUNDS} rounds)`,
    async () => {
      const done: string[] = []
      for (let round = 0; round < ROUNDS; round++) {
        done.push(await folder.change())
        if (random() > 0) {
          const killed = sandbox.start(...command('--sync'))
          done.push('kill -9')
          await Promise.race([pause(chance() * KILL_WITHIN_MS), killed.finished])
          killed.child.kill('SIGKILL')
          await killed.finished
          if (random() > 0) done.push(await folder.change())
        }
        const ids = new Set(folder.contents().values())
        const before = await embeddedAt()
        const { code, stdout, stderr } = await sandbox.run(...command('--sync'))
        const what = `round ${round}: ${done.splice(0).join(', ')}\n${stdout}${stderr}`
        expect(code, what).toBe(0)
        await expectLikeFolder(before, what)
        const enqueued = JSON.parse(stdout.split('\n')[0]!) as { enqueuedPhotos: number; alreadyQueued: number }
        const unknown = [...ids].filter(id => !before.has(id))
        expect(enqueued.enqueuedPhotos + enqueued.alreadyQueued, what).toBeLessThanOrEqual(unknown.length)
        log(`${new Date().toISOString()} --sync, seed ${SEED}, ${what.split('\n', 1)[0]!.slice(0, 500)}`)
      }
    },
    NO_LIMIT,
  )

  test(
    `with --watch, killed at times, it does so too (${WATCH_ROUNDS} rounds)`,
    async () => {
      let watching: Running = sandbox.start(...command('--watch'))
      const kill = async () => {
        watching.child.kill('SIGKILL')
        await watching.finished
      }
      const isDone = async (): Promise<void> => {
        const contents = folder.contents()
        const digest = await database.query<{ value: string }>(PLACES_DIGEST)
        expect(digest[0]!.value).toBe(await digestOf(contents))
        const [counts] = await database.query<Record<string, number>>(
          `select (select count(*)::int from photos) as photos, (select count(*)::int from embeddings) as embeddings,
                  (select count(*)::int from failures) as failures, (select count(*)::int from removed_copies) as copies`,
        )
        const photos = new Set(contents.values()).size
        expect(counts).toEqual({ photos, embeddings: photos, failures: 0, copies: 0 })
        const stored = await readdir(join(sandbox.home, 'objects', 'h512-q65'))
        expect(stored).toHaveLength(photos)
      }
      try {
        for (let round = 0; round < WATCH_ROUNDS; round++) {
          const before = await embeddedAt()
          const done = [await folder.change()]
          if (chance() < KILLS) {
            await pause(chance() * KILL_WITHIN_MS)
            if (chance() < 0.5) {
              await kill()
              done.push('kill -9', await folder.change())
              watching = sandbox.start(...command('--watch'))
            } else done.push(`kill -9 of worker ${await killChildOf(watching)}`)
          }
          // At times more changes while the ones before are worked on.
          while (chance() < 0.3) {
            await pause(chance() * 2000)
            done.push(await folder.change())
          }
          const what = () => `round ${round}: ${done.join(', ')}\n${watching.stdout().slice(-3000)}${watching.stderr()}`
          await vi
            .waitFor(isDone, { timeout: CONVERGE_MS, interval: 300 })
            .catch(error => expect.fail(`${(error as Error).message}\n${what()}`))
          await expectLikeFolder(before, what())
          log(`${new Date().toISOString()} --watch, seed ${SEED}, round ${round}: ${done.join(', ').slice(0, 500)}`)
        }
      } finally {
        await kill()
      }
    },
    NO_LIMIT,
  )
})

async function digestOf(contents: ReadonlyMap<string, string>): Promise<string> {
  const { createHash } = await import('node:crypto')
  const lines = [...contents].map(([path, id]) => Buffer.from(`${path} ${id}`))
  const ordered = [...contents.keys()].map((path, i) => ({ path: Buffer.from(path), line: lines[i]! }))
  ordered.sort((a, b) => Buffer.compare(a.path, b.path))
  return createHash('md5')
    .update(ordered.map(({ line }) => line.toString()).join('\n'))
    .digest('hex')
}

/** Kills a child process of the program: a worker. @returns its pid, or null while there is none */
async function killChildOf({ child }: Running): Promise<number | null> {
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '')
  for (const pid of children.trim().split(/\s+/).map(Number).filter(Boolean)) {
    const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (!cmdline.split('\0').includes('worker')) continue
    process.kill(pid, 'SIGKILL')
    return pid
  }
  return null
}
