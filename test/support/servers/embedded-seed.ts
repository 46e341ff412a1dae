import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../../src/db/connection.js'
import {
  embeddedServerStatus,
  ensureEmbeddedServer,
  stopEmbeddedServer,
} from '../../../src/db/embedded/embedded-server.js'
import { serverOf } from '../../../src/db/embedded/server-lock.js'
import { migrate } from '../../../src/db/migrate.js'
import { processIdentity } from '../../../src/locks/process-identity.js'
import { packageRoot } from '../../../src/package-root.js'
import { until } from '../until.js'

const MODULES = join(packageRoot(), 'node_modules')
const CACHE = join(MODULES, '.cache', 'unsplash-clip')
/** Everything that decides what a migrated database holds. */
const OF_THE_SCHEMA = [
  'migrations',
  'src/db/migrate.ts',
  'src/db/schema',
  'src/db/embedded',
  'src/version.ts',
  'package.json',
]
const IDLE_MS = 60_000

/**
 * Puts an embedded database into a folder: a copy, because creating one takes seconds, and migrating it as long again.
 * @param content `schema`: that of the project, and no rows. `nothing`: not even the schema
 */
export async function plantDatabase(dataDir: string, content: 'schema' | 'nothing'): Promise<void> {
  const seed = content === 'schema' ? await migratedSeed() : await emptySeed()
  cpSync(join(seed, 'pgdata'), join(dataDir, 'pgdata'), { recursive: true })
}

/** Stops the server of a folder, and waits for its end. */
export async function stopAndWait(dataDir: string): Promise<void> {
  const running = await embeddedServerStatus(dataDir)
  await stopEmbeddedServer(dataDir)
  if (running) await until('the end of the embedded server', () => processIdentity(running.pid) === null)
}

/** Creates, unless it is there, an empty database. It is kept beside the installed PGlite. */
function emptySeed(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(MODULES, '@electric-sql', 'pglite', 'package.json'), 'utf8'))
  return keep(`pglite-${version}`, async folder => {
    const { PGlite } = await import('@electric-sql/pglite')
    const db = await PGlite.create({ dataDir: join(folder, 'pgdata') })
    await db.close()
  })
}

/** Creates, unless it is there, a database with the schema of the working tree. */
export async function migratedSeed(): Promise<string> {
  const empty = await emptySeed()
  return keep(`schema-${schemaDigest(empty)}`, async folder => {
    cpSync(join(empty, 'pgdata'), join(folder, 'pgdata'), { recursive: true })
    const { url } = await ensureEmbeddedServer({ dataDir: folder, idleMs: IDLE_MS })
    const database = await openDatabase({ url })
    await migrate(database)
    await database.close()
    await stopAndWait(folder)
  })
}

/** Ends the server of a folder that goes too, at once: one that is stopped copies its data first. */
export async function killServer(dataDir: string): Promise<void> {
  const server = serverOf(dataDir)
  if (server === null || processIdentity(server.pid) !== server.identity) return
  process.kill(server.pid, 'SIGKILL')
  await until('the end of the embedded server', () => processIdentity(server.pid) === null)
}

/** Keeps a folder for later runs. @returns the folder in the cache with what `create` put there now or earlier */
export async function keep(name: string, create: (folder: string) => Promise<void>): Promise<string> {
  const kept = join(CACHE, name)
  if (existsSync(kept)) return kept
  mkdirSync(CACHE, { recursive: true })
  const unfinished = mkdtempSync(`${kept}-`)
  await create(unfinished)
  try {
    renameSync(unfinished, kept)
  } catch {
    rmSync(unfinished, { recursive: true }) // another test run was faster
  }
  return kept
}

/** @param more decides, beside the schema, what is kept */
export function schemaDigest(...more: string[]): string {
  const digest = createHash('sha256').update(more.join())
  for (const path of OF_THE_SCHEMA) {
    const whole = join(packageRoot(), path)
    const names = statSync(whole).isDirectory()
      ? readdirSync(whole, { recursive: true, encoding: 'utf8' }).sort()
      : ['']
    for (const name of names) {
      const file = join(whole, name)
      if (statSync(file).isFile()) digest.update(`${path}/${name}\0`).update(readFileSync(file))
    }
  }
  return digest.digest('hex').slice(0, 16)
}
