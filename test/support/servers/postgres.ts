import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { ensureEmbeddedServer } from '../../../src/db/embedded/embedded-server.js'
import { migrate } from '../../../src/db/migrate.js'
import { createDatabase, execute, hasInstalledPostgres } from '../postgres/own-postgres.js'
import { EmbeddedReset } from './embedded-reset.js'
import { killServer, plantDatabase } from './embedded-seed.js'
import { requires } from './requirements.js'

export { installedServer, type OwnPostgres, postgresProgram, startPostgres } from '../postgres/own-postgres.js'

const SECOND = 1000
/** A server whose test was killed ends by itself. */
const IDLE_MS = 120 * SECOND

export interface TestServer {
  /** Connection string of an empty database. On the embedded server, which has one, the last one is emptied for it. */
  freshUrl(): Promise<string>
  /** Connection string of an empty database with the schema of the project. */
  migratedUrl(): Promise<string>
  /** The same, opened; closed with the server. */
  freshDatabase(): Promise<Database>
  close(): Promise<void>
}

export interface ServerKind {
  kind: 'embedded' | 'native'
  available: boolean
  start(): Promise<TestServer>
}

/**
 * For `describe.each(serverKinds())`: the embedded server, and a Postgres where there is one; or only the kind in
 * TEST_SERVER_KIND, for checks of one of them.
 */
export function serverKinds(): ServerKind[] {
  const kinds: ServerKind[] = [
    { kind: 'embedded', available: true, start: embeddedServer },
    { kind: 'native', available: hasNativeServer(), start: nativeServer },
  ]
  const wanted = process.env.TEST_SERVER_KIND
  return wanted === undefined ? kinds : kinds.filter(({ kind }) => kind === wanted)
}

/** Whether a test can have a server of its own, to kill and restart: {@link startPostgres}. */
export const hasOwnServer = (): boolean =>
  requires(
    'A Postgres of the test’s own',
    hasInstalledPostgres(),
    'Install postgresql and pgvector (infra/dev/install-debian.sh).',
  )

export function hasNativeServer(): boolean {
  sharedFolder()
  return requires(
    'A Postgres with pgvector',
    process.env.TEST_DATABASE_URL !== undefined,
    'Install postgresql and pgvector (infra/dev/install-debian.sh), or set TEST_DATABASE_URL to a server on which databases may be created.',
  )
}

/** Where the embedded servers are that `shared-servers.ts` lets the test files share. */
function sharedFolder(): string {
  const folder = process.env.TEST_EMBEDDED_FOLDER
  if (folder === undefined)
    throw new Error(
      'Expected servers for this test, found none: name its file x.integration.test.ts or x.slow.test.ts (CONTRIBUTING.md).',
    )
  return folder
}

/** One of the embedded servers that the test files use one after the other: `shared-servers.ts`. Free again after `close`. */
export async function embeddedServer(): Promise<TestServer> {
  const { dataDir, release } = claimFolder(process.env.TEST_EMBEDDED_FOLDER!)
  const isNew = !existsSync(join(dataDir, 'pgdata'))
  if (isNew) await plantDatabase(dataDir, 'schema')
  const { url } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
  const reset = new EmbeddedReset(dataDir, url)
  if (isNew) await reset.remember()
  return server({
    async freshUrl() {
      await reset.toNothing()
      return url
    },
    async migratedUrl() {
      if (await reset.toSchema()) return url
      const database = await openDatabase({ url })
      await migrate(database)
      await database.close()
      await reset.remember()
      return url
    },
    stop: async () => release(),
  })
}

/**
 * The first folder that no process of the run uses. VITEST_POOL_ID would not do: vitest gives one number to two workers where
 * a group of projects follows another.
 */
function claimFolder(root: string): { dataDir: string; release: () => void } {
  for (let number = 1; ; number++) {
    const dataDir = join(root, String(number))
    const claim = join(dataDir, 'claimed-by')
    mkdirSync(dataDir, { recursive: true })
    try {
      writeFileSync(claim, String(process.pid), { flag: 'wx' })
      return { dataDir, release: () => rmSync(claim, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Ends the servers of {@link embeddedServer}. */
export async function stopEmbeddedServers(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) await killServer(join(folder, name))
}

/** Databases of their own on TEST_DATABASE_URL. */
export async function nativeServer(): Promise<TestServer> {
  const root = process.env.TEST_DATABASE_URL!
  const created: string[] = []
  const create = async (template = 'template1') => {
    const { name, url } = await createDatabase(root, template)
    created.push(name)
    return url
  }
  return server({
    freshUrl: create,
    migratedUrl: () => create(process.env.TEST_DATABASE_TEMPLATE),
    async stop() {
      for (const name of created) await execute(root, `drop database ${name} with (force)`)
    },
  })
}

interface ServerParts {
  freshUrl(): Promise<string>
  migratedUrl(): Promise<string>
  stop(): Promise<void>
}

function server({ freshUrl, migratedUrl, stop }: ServerParts): TestServer {
  const opened: Database[] = []
  return {
    freshUrl: () => freshUrl(),
    migratedUrl: () => migratedUrl(),
    async freshDatabase() {
      const database = await openDatabase({ url: await migratedUrl() })
      opened.push(database)
      return database
    },
    async close() {
      for (const database of opened) await database.close()
      await stop()
    },
  }
}
