import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect } from 'vitest'
import { type Finished, type Running, Sandbox } from '../../support/cli.js'
import { processesWith } from '../../support/processes.js'
import { until } from '../../support/until.js'

const SECOND = 1000
/** Servers learn of the end of a process a moment later. */
const NOTICED_MS = 20 * SECOND

export interface Services {
  databaseUrl: string
  redisUrl: string
}

/** A sandbox whose commands are watched: what they open, start and put into the temporary folder must be gone. */
export class Watched {
  private constructor(
    readonly sandbox: Sandbox,
    private readonly folder: string,
    private readonly services: Services | null,
  ) {}

  /** On these services, or, without, on what is embedded. */
  static async create(services: Services | null, environment: Record<string, string> = {}): Promise<Watched> {
    const folder = await mkdtemp(join(tmpdir(), 'uc-left-'))
    await mkdir(join(folder, 'tmp'))
    const sandbox = await Sandbox.create({
      ...(services ? { DATABASE_URL: services.databaseUrl, REDIS_URL: services.redisUrl } : {}),
      TMPDIR: join(folder, 'tmp'),
      NODE_OPTIONS: `--require ${resolve('test/cli/shutdown/note-exits.cjs')}`,
      NOTED_EXITS: join(folder, 'exits'),
      LABEL_SETS: 'taken_time',
      LOG_LEVEL: 'info',
      ...environment,
    })
    return new Watched(sandbox, folder, services)
  }

  /** Runs a command to its end, which is to be with this exit code and to leave nothing. */
  async run(expectedCode: number, ...args: string[]): Promise<Finished> {
    return this.ended(expectedCode, this.sandbox.start(...args))
  }

  async ended(expectedCode: number, running: Running): Promise<Finished> {
    const finished = await running.finished
    expect(finished.code, finished.stderr).toBe(expectedCode)
    await until('nothing to be left', async () => (await this.left()).length === 0, NOTICED_MS).catch(() => {})
    expect(await this.left()).toEqual([])
    return finished
  }

  /** The embedded server, which outlives commands, does not count. */
  private async left(): Promise<string[]> {
    const processes = (await processesWith(this.folder)).filter(({ command }) => !command.includes('server-main'))
    const exits = existsSync(join(this.folder, 'exits')) ? await readFile(join(this.folder, 'exits'), 'utf8') : ''
    return [
      ...processes.map(({ command }) => `process: ${command}`),
      ...(await readdir(join(this.folder, 'tmp'))).map(name => `temporary file: ${name}`),
      ...exits.split('\n').filter(line => line.includes('main.js') && !line.includes('server-main')),
      ...(this.services ? await connectionsTo(this.services) : []),
    ]
  }

  async close(): Promise<void> {
    await this.sandbox.close()
    const servers = await processesWith(this.folder)
    await rm(this.folder, { recursive: true, force: true })
    expect(servers).toEqual([])
  }
}

async function connectionsTo({ databaseUrl, redisUrl }: Services): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  const redis = new Redis(redisUrl)
  try {
    await client.connect()
    const { rows } = await client.query<{ application_name: string }>(
      `select application_name from pg_stat_activity
        where datname = current_database() and application_name like 'unsplash-clip%'`,
    )
    const own = `id=${await redis.client('ID')} `
    const others = String(await redis.client('LIST')).split('\n')
    return [
      ...rows.map(row => `connection to Postgres: ${row.application_name}`),
      ...others.filter(line => line !== '' && !line.startsWith(own)).map(line => `connection to Redis: ${line}`),
    ]
  } finally {
    await client.end()
    redis.disconnect()
  }
}
