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
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import { openDatabase } from '../../../src/db/connection.js'
import { migrate } from '../../../src/db/migrate.js'
import { keep, schemaDigest } from '../servers/embedded-seed.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../until.js'

/** A database with the schema on every server of {@link startPostgres}, for others to be copied from. */
export const TEMPLATE = 'uc_template'

/** Makes a database with the schema, for others to be copied from: a copy takes a tenth of the time of a migration. */
export async function createTemplate(root: string, wanted?: string): Promise<{ name: string; drop(): Promise<void> }> {
  const { name, url } = await createDatabase(root, 'template1', wanted)
  const database = await openDatabase({ url })
  await migrate(database)
  await database.close()
  // A database that anybody is connected to, such as autovacuum, cannot be copied.
  await execute(root, `alter database ${name} allow_connections false`)
  return { name, drop: () => execute(root, `drop database ${name} with (force)`) }
}

export async function createDatabase(
  root: string,
  template: string,
  name = `uc_test_${randomBytes(6).toString('hex')}`,
): Promise<{ name: string; url: string }> {
  await execute(root, `create database ${name} template ${template}`)
  const url = new URL(root)
  url.pathname = `/${name}`
  return { name, url: url.href }
}

export async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Whether a Postgres with pgvector can be started. */
export const hasInstalledPostgres = (): boolean => installedServer() !== null

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

/**
 * A server of its own in a temporary folder, with the database {@link TEMPLATE}.
 * @param options `withoutVector`: pgvector is not installed on it, and there is no template
 */
export async function startPostgres({ withoutVector = false } = {}): Promise<OwnPostgres> {
  const folder = temporaryFolder()
  if (withoutVector) {
    const bin = copyWithoutVector(installedServer()!, folder)
    initialise(bin, folder)
    return start(bin, folder)
  }
  await plantCluster(join(folder, 'data'))
  return start(installedServer()!, folder)
}

/** Copies a data folder with the database {@link TEMPLATE}: a tenth of the time of initdb and a migration. */
export async function plantCluster(folder: string): Promise<void> {
  // Postgres' own user owns the files.
  execFileSync('cp', ['-a', join(await seed(installedServer()!), 'data'), folder])
}

// Postgres refuses to run as root.
const owner = () => (process.getuid?.() === 0 ? accountOf('postgres') : undefined)

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'uc-pg-'))
  const user = owner()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  return folder
}

/** Makes, unless it is there, the data folder that servers start with. */
function seed(bin: string): Promise<string> {
  const version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' })
  return keep(`postgres-${schemaDigest(version)}`, async kept => {
    const folder = temporaryFolder()
    initialise(bin, folder)
    const server = await start(bin, folder)
    await createTemplate(server.url, TEMPLATE)
    await server.end()
    execFileSync('cp', ['-a', join(folder, 'data'), kept])
    rmSync(folder, { recursive: true })
  })
}

function initialise(bin: string, folder: string): void {
  execFileSync(
    join(bin, 'initdb'),
    ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...owner(), cwd: folder, stdio: 'ignore' },
  )
}

async function start(bin: string, folder: string): Promise<OwnPostgres & { end(): Promise<void> }> {
  const options = { ...owner(), cwd: folder }
  const port = await freePort()
  // biome-ignore format: one option a line
  const parameters = [
    '-D', join(folder, 'data'),
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
    owner: owner(),
    async sql(...statements) {
      for (const statement of statements) await execute(url, statement)
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    kill: () => end(child, 'SIGQUIT'),
    async restart() {
      child = await launch()
    },
    // "fast": breaks connections that are left, and leaves the data as if nobody had ever been there
    end: () => end(child, 'SIGINT'),
    async stop() {
      // Without a checkpoint: nobody needs the data.
      await end(child, 'SIGQUIT')
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
