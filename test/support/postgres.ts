import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { ensureEmbeddedServer, stopEmbeddedServer } from '../../src/db/embedded/embedded-server.js'
import { processIdentity } from '../../src/db/embedded/process-identity.js'
import { migrate } from '../../src/db/migrate.js'
import { packageRoot } from '../../src/package-root.js'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'
import { until } from './until.js'

const SECOND = 1000
const MODULES = join(packageRoot(), 'node_modules')
/** A server whose test was killed ends by itself. */
const IDLE_MS = 120 * SECOND

export interface TestServer {
  /** Connection string of an empty database. On the embedded server, which has one, the last one is emptied for it. */
  freshUrl(): Promise<string>
  /** An empty database with the schema of the project; closed with the server. */
  freshDatabase(): Promise<Database>
  close(): Promise<void>
}

export interface ServerKind {
  kind: 'embedded' | 'native'
  available: boolean
  start(): Promise<TestServer>
}

/** For `describe.each(serverKinds())`: the embedded server, and a Postgres where there is one. */
export function serverKinds(): ServerKind[] {
  return [
    { kind: 'embedded', available: true, start: embeddedServer },
    { kind: 'native', available: hasNativeServer(), start: nativeServer },
  ]
}

/** Whether a test can have a server of its own, to kill and restart: {@link startPostgres}. */
export const hasOwnServer = (): boolean =>
  requires(
    'A Postgres of the test’s own',
    installedServer() !== null,
    'Install postgresql and pgvector (infra/dev/install-debian.sh).',
  )

export const hasNativeServer = (): boolean =>
  requires(
    'A Postgres with pgvector',
    process.env.TEST_DATABASE_URL !== undefined || installedServer() !== null,
    'Install postgresql and pgvector (infra/dev/install-debian.sh), or set TEST_DATABASE_URL to a server on which databases may be created.',
  )

/** An embedded server in a folder of its own. */
export async function embeddedServer(): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'uc-db-'))
  await plantDatabase(dataDir)
  const { url, pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
  return server(
    async () => {
      await execute(url, 'drop schema if exists bullmq cascade; drop schema public cascade; create schema public')
      return url
    },
    async () => {
      await stopEmbeddedServer(dataDir)
      await until('the end of the embedded server', () => processIdentity(pid) === null)
      rmSync(dataDir, { recursive: true })
    },
  )
}

/** Databases of their own on TEST_DATABASE_URL, or on a Postgres that is started for the test and listens on loopback. */
export async function nativeServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL
  const own = given === undefined ? await startPostgres() : undefined
  const root = given ?? own!.url
  const created: string[] = []
  return server(
    async () => {
      const name = `uc_test_${randomBytes(6).toString('hex')}`
      await execute(root, `create database ${name}`)
      created.push(name)
      const url = new URL(root)
      url.pathname = `/${name}`
      return url.href
    },
    async () => {
      if (own === undefined) for (const name of created) await execute(root, `drop database ${name} with (force)`)
      await own?.stop()
    },
  )
}

function server(freshUrl: () => Promise<string>, stop: () => Promise<void>): TestServer {
  const opened: Database[] = []
  return {
    freshUrl,
    async freshDatabase() {
      const database = await openDatabase({ url: await freshUrl() })
      opened.push(database)
      await migrate(database)
      return database
    },
    async close() {
      for (const database of opened) await database.close()
      await stop()
    },
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/**
 * Creating an embedded database takes seconds, so one is made and kept beside the installed PGlite, and tests start from
 * copies of it.
 */
export async function plantDatabase(dataDir: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(MODULES, '@electric-sql', 'pglite', 'package.json'), 'utf8'))
  const cache = join(MODULES, '.cache', 'unsplash-clip')
  const seed = join(cache, `pglite-${version}`)
  if (!existsSync(seed)) {
    mkdirSync(cache, { recursive: true })
    const { PGlite } = await import('@electric-sql/pglite')
    const unfinished = mkdtempSync(`${seed}-`)
    const db = await PGlite.create({ dataDir: join(unfinished, 'pgdata') })
    await db.close()
    try {
      renameSync(unfinished, seed)
    } catch {
      rmSync(unfinished, { recursive: true }) // another test was faster
    }
  }
  cpSync(join(seed, 'pgdata'), join(dataDir, 'pgdata'), { recursive: true })
}

/** Folder of the programs of the first Postgres with pgvector: on the PATH, or the newest of Debian's. */
function installedServer(): string | null {
  return [...onPath(), ...ofDebian()].find(bin => existsSync(join(bin, 'initdb')) && hasVector(bin)) ?? null
}

function onPath(): string[] {
  const programs = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'postgres'))
  return programs.filter(program => existsSync(program)).map(program => dirname(realpathSync(program)))
}

function ofDebian(): string[] {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return versions.map(version => join(root, version, 'bin'))
}

/** Where extensions are, as seen from the programs: Debian's place and the two of an installation in one folder. */
function hasVector(bin: string): boolean {
  const version = basename(dirname(bin))
  return [`/usr/share/postgresql/${version}`, join(bin, '../share/postgresql'), join(bin, '../share')].some(share =>
    existsSync(join(share, 'extension', 'vector.control')),
  )
}

export interface OwnPostgres {
  /** Connection string of its database `postgres`. */
  url: string
  /** `pg_ctl -m immediate`: every process of the server quits at once, without a checkpoint. */
  kill(): Promise<void>
  /** At the same address; recovers what was committed before a kill. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A server of its own in a temporary folder. */
export async function startPostgres(): Promise<OwnPostgres> {
  const bin = installedServer()!
  const folder = mkdtempSync(join(tmpdir(), 'uc-pg-'))
  const data = join(folder, 'data')
  // Postgres refuses to run as root.
  const owner = process.getuid?.() === 0 ? accountOf('postgres') : undefined
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const options = { ...owner, cwd: folder }
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...options, stdio: 'ignore' },
  )
  const port = await freePort()
  // biome-ignore format: one option a line
  const parameters = [
    '-D', data,
    '-p', String(port),
    '-k', folder,
    '-c', 'listen_addresses=127.0.0.1',
    '-c', 'fsync=off',
    '-c', 'max_connections=200',
  ]
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  const launch = async () => {
    const child = spawn(join(bin, 'postgres'), parameters, { ...options, stdio: 'ignore' })
    await until('Postgres to take connections', () =>
      execute(url, 'select 1').then(
        () => true,
        () => false,
      ),
    )
    return child
  }
  let child = await launch()
  return {
    url,
    kill: () => end(child, 'SIGQUIT'),
    async restart() {
      child = await launch()
    },
    async stop() {
      await end(child, 'SIGINT') // "fast": breaks connections that are left
      rmSync(folder, { recursive: true })
    },
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

function accountOf(user: string): { uid: number; gid: number } {
  const number = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}
