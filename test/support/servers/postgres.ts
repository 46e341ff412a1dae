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
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { ensureEmbeddedServer } from '../../../src/db/embedded/embedded-server.js'
import { migrate } from '../../../src/db/migrate.js'
import { until } from '../until.js'
import { EmbeddedReset } from './embedded-reset.js'
import { plantDatabase, stopAndWait } from './embedded-seed.js'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'

const SECOND = 1000
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

/** Whether a Postgres with pgvector can be started. */
export const hasInstalledPostgres = (): boolean => installedServer() !== null

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
    async openFresh() {
      const isMigrated = await reset.toSchema()
      const database = await openDatabase({ url })
      if (isMigrated) return database
      await migrate(database)
      await reset.remember()
      return database
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

/** Stops the servers of {@link embeddedServer}. */
export async function stopEmbeddedServers(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) await stopAndWait(join(folder, name))
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
    openFresh: async () => openDatabase({ url: await create(process.env.TEST_DATABASE_TEMPLATE) }),
    async stop() {
      for (const name of created) await execute(root, `drop database ${name} with (force)`)
    },
  })
}

/** Makes a database with the schema, for others to be copied from: a copy takes a tenth of the time of a migration. */
export async function createTemplate(root: string): Promise<{ name: string; drop(): Promise<void> }> {
  const { name, url } = await createDatabase(root, 'template1')
  const database = await openDatabase({ url })
  await migrate(database)
  await database.close()
  // A database that anybody is connected to, such as autovacuum, cannot be copied.
  await execute(root, `alter database ${name} allow_connections false`)
  return { name, drop: () => execute(root, `drop database ${name} with (force)`) }
}

async function createDatabase(root: string, template: string): Promise<{ name: string; url: string }> {
  const name = `uc_test_${randomBytes(6).toString('hex')}`
  await execute(root, `create database ${name} template ${template}`)
  const url = new URL(root)
  url.pathname = `/${name}`
  return { name, url: url.href }
}

interface ServerParts {
  freshUrl(): Promise<string>
  /** With the schema. */
  openFresh(): Promise<Database>
  stop(): Promise<void>
}

function server({ freshUrl, openFresh, stop }: ServerParts): TestServer {
  const opened: Database[] = []
  return {
    freshUrl: () => freshUrl(),
    async freshDatabase() {
      const database = await openFresh()
      opened.push(database)
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

/** Folder of the programs of the first Postgres with pgvector: on the PATH, or the newest of Debian's. */
export function installedServer(): string | null {
  return [...onPath(), ...ofDebian()].find(bin => existsSync(join(bin, 'initdb')) && hasVector(bin)) ?? null
}

/** Path of a program of that Postgres, such as pg_dump. */
export function postgresProgram(name: string): string {
  return join(installedServer()!, name)
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
  /** Who runs it, where that is another user. */
  owner: { uid: number; gid: number } | undefined
  /** Runs statements in its database `postgres`, each by itself. */
  sql(...statements: string[]): Promise<void>
  /** Stops every process of the server where it is (SIGSTOP), and lets them go on. */
  freeze(): void
  thaw(): void
  /** `pg_ctl -m immediate`: every process of the server quits at once, without a checkpoint. */
  kill(): Promise<void>
  /** At the same address; recovers what was committed before a kill. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Copies the programs of Debian's Postgres, which find their other files relative to themselves, all but pgvector. */
function copyWithoutVector(bin: string, folder: string): string {
  const version = basename(dirname(bin))
  const [lib, share] = [`usr/lib/postgresql/${version}`, `usr/share/postgresql/${version}`]
  mkdirSync(join(folder, lib, 'bin'), { recursive: true })
  mkdirSync(join(folder, share, 'extension'), { recursive: true })
  for (const program of ['postgres', 'initdb'])
    cpSync(join('/', lib, 'bin', program), join(folder, lib, 'bin', program))
  symlinkSync(join('/', lib, 'lib'), join(folder, lib, 'lib'))
  for (const path of [share, join(share, 'extension')])
    for (const name of readdirSync(join('/', path)))
      if (name !== 'extension' && !name.startsWith('vector'))
        symlinkSync(join('/', path, name), join(folder, path, name))
  return join(folder, lib, 'bin')
}

/** A server of its own in a temporary folder. @param options `withoutVector`: pgvector is not installed on it */
export async function startPostgres({ withoutVector = false } = {}): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'uc-pg-'))
  const bin = withoutVector ? copyWithoutVector(installedServer()!, folder) : installedServer()!
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
  // Postgres gives each of its processes a group of its own.
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of [child.pid!, ...childrenOf(child.pid!)]) process.kill(pid, signal)
  }
  return {
    url,
    owner,
    async sql(...statements) {
      for (const statement of statements) await execute(url, statement)
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
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

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
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
