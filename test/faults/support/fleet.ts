import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { FolderStore } from '../../../src/storage/folder-store.js'
import { installedServer, plantCluster, TEMPLATE } from '../../support/postgres/own-postgres.js'
import { launch as launchRedis } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'
import { type Command, type Ended, startCommand } from './command.js'
import { type EndState, readObjects, readRedisJobs, readRows } from './end-state.js'
import { type ImageServer, photoId, startImageServer } from './image-server.js'
import { Network } from './network.js'

const MINUTE = 60_000
const QUEUE = 'fleet'
/** Of every answer of an image host: so that faults hit while work is under way. */
const IMAGE_DELAY_MS = 250
const TABLESPACE_SIZE = '64m'

export const WORKER_HOSTS = ['worker1', 'worker2'] as const
export type WorkerHost = (typeof WORKER_HOSTS)[number]

/** Hosts on a network of their own: Postgres, Redis, two with workers, a producer; and image hosts, which are this process. */
export class Fleet {
  readonly network = new Network()
  readonly workers = new Map<WorkerHost, Command>()
  readonly #commands: Command[] = []
  readonly #servers: ChildProcess[] = []
  #settings: Record<string, string> = {}
  /** To Postgres without the network: through a socket in the file system. */
  #socket = { host: '', port: 5432, user: 'postgres', database: 'fleet' }
  images!: ImageServer
  pausedImages!: ImageServer
  databaseUrl = ''
  redisUrl = ''

  private constructor(
    private readonly folder: string,
    private readonly packageFolder: string,
    readonly photos: number,
  ) {}

  static async open(packageFolder: string, photos: number): Promise<Fleet> {
    const fleet = new Fleet(await mkdtemp(join(tmpdir(), 'uc-fleet-')), packageFolder, photos)
    try {
      // Postgres' own user enters it.
      await chmod(fleet.folder, 0o711)
      await fleet.#startImageHosts()
      await fleet.#startPostgres()
      await fleet.#startRedis()
      for (const host of [...WORKER_HOSTS, 'producer']) fleet.network.addHost(host)
      fleet.#settings = {
        UNSPLASH_CLIP_HOME: fleet.folder,
        DATABASE_URL: fleet.databaseUrl,
        REDIS_URL: fleet.redisUrl,
        QUEUE_NAME: QUEUE,
        QUEUE_LOCK_MS: '10000',
        OBJECT_STORE: fleet.#copies,
        MODEL: 'demo',
        ALLOW_HOSTS: `${fleet.images.server.host},${fleet.pausedImages.server.host}`,
        HOST_RATE: '1000',
        PHOTOS_PER_JOB: '16',
        DOWNLOAD_CONCURRENCY: '4',
        // No attempt is used up because the machine is busy; shorter than the longest faults.
        DOWNLOAD_TIMEOUT_MS: '30000',
        THREADS: '1',
        LOG_LEVEL: 'info',
      }
      const migrated = await fleet.start('producer', ['db', 'migrate']).ended
      if (migrated.code !== 0) throw new Error(migrated.stderr)
      return fleet
    } catch (error) {
      await fleet.close()
      throw error
    }
  }

  /** Starts `unsplash-clip` on a host. */
  start(host: string, args: string[]): Command {
    const { packageFolder, folder } = this
    const command = startCommand(args, {
      packageFolder,
      folder,
      settings: this.#settings,
      wrapper: this.network.on(host),
    })
    this.#commands.push(command)
    return command
  }

  startWorker(host: WorkerHost): Command {
    const worker = this.start(host, ['worker', '--json'])
    this.workers.set(host, worker)
    return worker
  }

  /** `ingest --wait` on the producer's host. @param paused whether every other photo is on the second image host */
  async ingest({ paused = false } = {}): Promise<Command> {
    const table = join(this.folder, 'photos.csv')
    const rows = Array.from({ length: this.photos }, (_, photo) => {
      const server = paused && photo % 2 === 1 ? this.pausedImages : this.images
      return `${photoId(photo)},${server.url(photo)}`
    })
    await writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    return this.start('producer', ['ingest', table, '--json', '--wait'])
  }

  /** Runs a statement whatever the state of the network, writes allowed. */
  async query<Row>(sql: string): Promise<Row[]> {
    const options = '-c default_transaction_read_only=off -c statement_timeout=20000'
    const client = new Client({ ...this.#socket, options })
    await client.connect()
    try {
      return (await client.query(sql)).rows as Row[]
    } finally {
      await client.end()
    }
  }

  /** Waits until so many photos are embedded. */
  async embedded(photos: number, timeoutMs = MINUTE): Promise<void> {
    const count = async () => (await this.query<{ n: number }>('select count(*)::int as n from embeddings'))[0]!.n
    await until(`${photos} photos are embedded`, async () => (await count()) >= photos, timeoutMs)
  }

  /** Fills the file system of the database, or empties it again. */
  async setDiskFull(full: boolean): Promise<void> {
    const ballast = join(this.#tablespace, 'ballast')
    if (full) execFileSync('sh', ['-c', `cat /dev/zero > ${ballast} || true`], { stdio: 'ignore' })
    else await rm(ballast)
  }

  /** Makes delayed batches due and forgets that hosts asked for pauses: nobody waits for a quarter of an hour here. */
  async endPauses(): Promise<void> {
    const client = new Redis(this.redisUrl)
    try {
      const limits = (await client.keys('*')).filter(key => !key.startsWith(`bull:${QUEUE}:`))
      if (limits.length > 0) await client.del(...limits)
      const delayed = `bull:${QUEUE}:delayed`
      for (const id of await client.zrange(delayed, '0', '-1')) await client.zadd(delayed, 'XX', 1, id)
    } finally {
      client.disconnect()
    }
  }

  /** Deliveries and photos that used up an attempt, as all workers logged them. */
  attemptsUsed(): number {
    const entries = this.#commands.flatMap(command => logEntries(command.stderr()))
    const rejected = entries.filter(({ msg }) => /goes back to the queue|given up/.test(String(msg))).length
    const retried = entries.filter(({ msg, attempt }) => msg === 'batch done' && Number(attempt) > 1).length
    return rejected + retried
  }

  async endState(): Promise<EndState> {
    const objects = await readObjects(new FolderStore(this.#copies))
    return { ...(await readRows(this.databaseUrl)), objects, jobs: await readRedisJobs(this.redisUrl, QUEUE) }
  }

  async idle(): Promise<void> {
    await until('the queue is empty', async () => (await readRedisJobs(this.redisUrl, QUEUE)).length === 0, MINUTE)
  }

  /** What its commands said, to be read when a test fails. */
  words(): string {
    return this.#commands
      .map(command => `${command.child.spawnargs.slice(-4).join(' ')}\n${command.stderr()}`)
      .join('\n')
  }

  async close(): Promise<void> {
    const report = process.env.FLEET_LOG
    if (report) appendFileSync(report, this.words())
    await Promise.all(this.#commands.filter(command => command.isRunning()).map(command => command.kill()))
    await Promise.all([this.images?.close(), this.pausedImages?.close()])
    for (const server of this.#servers) await end(server)
    this.network.close()
    execFileSync('sh', ['-c', `umount ${this.#tablespace} || true`], { stdio: 'ignore' })
    await rm(this.folder, { recursive: true })
  }

  get #copies(): string {
    return join(this.folder, 'copies')
  }

  get #tablespace(): string {
    return join(this.folder, 'tablespace')
  }

  async #startImageHosts(): Promise<void> {
    this.images = await startImageServer(this.network.observer)
    this.pausedImages = await startImageServer(this.network.addObserver())
    this.images.delayMs = IMAGE_DELAY_MS
    this.pausedImages.delayMs = IMAGE_DELAY_MS
  }

  /** Its database is in a tablespace on a file system of its own, which can be filled without hurting the server itself. */
  async #startPostgres(): Promise<void> {
    const address = this.network.addHost('postgres')
    const programs = installedServer()!
    const data = join(this.folder, 'postgres')
    const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })))
    for (const folder of [data, this.#tablespace]) await mkdir(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TABLESPACE_SIZE},mode=700`, 'tmpfs', this.#tablespace])
    for (const folder of [data, this.#tablespace]) await chown(folder, uid!, gid!)
    const cluster = join(data, 'cluster')
    await plantCluster(cluster)
    appendFileSync(join(cluster, 'pg_hba.conf'), 'host all all samenet trust\n')
    const server = spawn(
      'nsenter',
      [
        ...this.network.on('postgres').slice(1),
        ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
        ...[join(programs, 'postgres'), '-D', cluster, '-k', data, '-c', `listen_addresses=${address}`],
        ...['-c', 'fsync=off', '-c', 'max_connections=200'],
      ],
      { cwd: data, stdio: 'ignore' },
    )
    this.#servers.push(server)
    this.#socket.host = data
    await until('Postgres to take connections', () =>
      this.#administrate('select 1').then(
        () => true,
        () => false,
      ),
    )
    await this.#administrate(`create tablespace small location '${this.#tablespace}'`)
    await this.#administrate(`create database fleet tablespace small template ${TEMPLATE}`)
    this.databaseUrl = `postgresql://postgres@${address}:5432/fleet`
  }

  async #administrate(sql: string): Promise<void> {
    const client = new Client({ ...this.#socket, database: 'postgres' })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }

  async #startRedis(): Promise<void> {
    const address = this.network.addHost('redis')
    this.redisUrl = `redis://${address}:6379`
    const parameters = [
      '--bind',
      address,
      '--port',
      '6379',
      '--protected-mode',
      'no',
      '--save',
      '',
      '--dir',
      this.folder,
    ]
    this.#servers.push(await launchRedis(parameters, this.redisUrl, undefined, this.network.on('redis')))
  }
}

/** SIGTERM to a command, and SIGKILL when it hangs. @returns seconds until it has ended */
export async function stopwatch(command: Command): Promise<Ended & { seconds: number }> {
  const startedAt = performance.now()
  const killed = setTimeout(() => command.child.kill('SIGKILL'), MINUTE / 2)
  const ended = await command.stop()
  clearTimeout(killed)
  return { ...ended, seconds: (performance.now() - startedAt) / 1000 }
}

function logEntries(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
