import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { type Database, describe, openDatabase } from '../db/connection.js'
import type { Backup, BackupOptions } from '../db/dump/backup.js'
import type { Moved, MoveOptions } from '../db/dump/move.js'
import type { Restored, RestoreOptions } from '../db/dump/restore.js'
import {
  type EmbeddedServer,
  type EmbeddedServerStatus,
  embeddedServerStatus,
  embeddedSnapshots,
  ensureEmbeddedServer,
  restoreEmbedded,
  stopEmbeddedServer,
} from '../db/embedded/embedded-server.js'
import { type KeepAlive, keepEmbeddedServerAlive } from '../db/embedded/keep-alive.js'
import type { Snapshot } from '../db/embedded/snapshots.js'
import { PostgresRunRepository } from '../db/ingest/run-repository.js'
import {
  type FunctionState,
  functionStatus,
  type Migrated,
  type MigrationState,
  migrate,
  migrationStatus,
} from '../db/migrate.js'
import { PostgresPromptRequests } from '../db/search/prompt-requests.js'
import type { PromptRequests } from '../domain/ports/prompts.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import { makeFolder } from '../make-folder.js'
import type { Lifecycle } from './lifecycle.js'
import { openRepositories, type Repositories } from './open-repositories.js'

export type { DumpProgress } from '../db/dump/backup.js'
export type { BackedUpIndex } from '../db/dump/backup-format.js'
export type { FunctionState, MigrationState } from '../db/migrate.js'

/** How long a command waits for an unreachable database, and how long a server that others wait for. */
const RECONNECT_MS = 60_000
const SERVER_RECONNECT_MS = 3000
/** After this long without an answer, the reason is told. */
const TELL_BUSY_MS = 3000
const BUSY =
  'Waiting for the embedded database: another client has it, with an open transaction (psql?) or a long statement'

/** The database of the settings: the embedded server, or the Postgres of DATABASE_URL. */
export class DatabasePart {
  #keeper: KeepAlive | undefined
  #reconnectMs = RECONNECT_MS
  /** Whether this process has created the embedded database. */
  #isNew = false

  constructor(
    private readonly config: Config,
    private readonly lifecycle: Lifecycle,
    private readonly logger: () => Promise<Logger>,
    private readonly signal: AbortSignal | undefined,
    private readonly onNotice: (sentence: string) => void = () => {},
  ) {}

  get embedded(): boolean {
    return this.config.DATABASE_URL === undefined
  }

  /** Folder of the embedded server. */
  get folder(): string {
    return join(this.config.UNSPLASH_CLIP_HOME, 'database')
  }

  /** For display, without credentials. */
  get location(): string {
    return this.config.DATABASE_URL === undefined ? `embedded in ${this.folder}` : describe(this.config.DATABASE_URL)
  }

  /** For servers, whose clients ask again: a lost database is told within seconds. Call it before the first use. */
  failSoon(): void {
    this.#reconnectMs = SERVER_RECONNECT_MS
  }

  /** The connection string. Starts the embedded server where that is the database. */
  async url(): Promise<string> {
    return this.config.DATABASE_URL ?? (await this.startEmbedded()).url
  }

  startEmbedded(): Promise<EmbeddedServer> {
    const { folder, config, signal } = this
    const onStart = (isNew: boolean) => {
      this.#isNew = isNew
      this.onNotice(isNew ? `Creating the embedded database in ${folder}` : 'Starting the embedded database')
    }
    const options = { dataDir: folder, idleMs: config.EMBEDDED_IDLE_MS, signal, onStart }
    return ensureEmbeddedServer(options).finally(() => this.onNotice(''))
  }

  stopEmbedded(): Promise<boolean> {
    this.#keeper?.close()
    return stopEmbeddedServer(this.folder)
  }

  /** Snapshots of the embedded database, the newest first. */
  snapshots(): Promise<Snapshot[]> {
    return embeddedSnapshots(this.folder)
  }

  /** Returns the embedded database to a snapshot, the newest unless named. */
  restoreSnapshot(name?: string): Promise<{ snapshot: Snapshot; former: string | null }> {
    return restoreEmbedded(this.folder, name)
  }

  /** Null when the database is not the embedded one, or does not run. */
  embeddedStatus(): Promise<EmbeddedServerStatus | null> {
    return this.embedded ? embeddedServerStatus(this.folder) : Promise.resolve(null)
  }

  /** For commands that run long: starts the embedded server again whenever it dies. */
  async keepAlive(): Promise<void> {
    if (!this.embedded || this.#keeper) return
    const logger = await this.logger()
    this.#keeper = keepEmbeddedServerAlive({
      dataDir: this.folder,
      idleMs: this.config.EMBEDDED_IDLE_MS,
      onRestart: pid => logger.warn({ server: pid }, 'the embedded database had died and was restarted'),
      onError: error => logger.error({ err: error }, 'the embedded database does not start; trying again'),
    })
    this.lifecycle.onClose(() => this.#keeper?.close())
  }

  /** All repositories over the command's connection pool, the schema up to date. */
  repositories(): Promise<Repositories> {
    return this.lifecycle.once('repositories', async () =>
      openRepositories(await this.migrated(), {
        embedded: this.embedded,
        url: () => this.url(),
        placeHost: this.config.PLACE_HOST,
      }),
    )
  }

  /** The command's connection pool, the schema up to date. */
  migrated(): Promise<Database> {
    return this.lifecycle.once('migrated database', async () => {
      const database = await this.#pool()
      if (this.#isNew) this.onNotice('Creating the tables')
      await migrate(database).finally(() => this.onNotice(''))
      return database
    })
  }

  /** For the reports of a worker: on one connection of its own, which is given up as soon as it is lost. */
  reports(): Promise<RunRepository> {
    return this.lifecycle.once('reports', async () => new PostgresRunRepository(await this.#ownConnections(1)))
  }

  /** The prompts that a worker embeds: one connection listens, the other one answers, so no batch waits for them. */
  promptRequests(): Promise<PromptRequests> {
    return this.lifecycle.once('prompt requests', async () => new PostgresPromptRequests(await this.#ownConnections(2)))
  }

  /** Resolves when the database has taken a write, which is undone. */
  async assertWritable(): Promise<void> {
    await (await this.repositories()).runs.assertWritable()
  }

  /** Also repairs functions and views that are not as they were applied. */
  async migrate(): Promise<Migrated> {
    return migrate(await this.#pool(), { verify: true })
  }

  async migrationStatus(): Promise<MigrationState[]> {
    return migrationStatus(await this.#pool())
  }

  async functionStatus(): Promise<FunctionState[]> {
    return functionStatus(await this.#pool())
  }

  /** Writes all tables to a file; the schema stays as it is. */
  async backUp(file: string, options: BackupOptions): Promise<Backup> {
    const { backUp } = await import('../db/dump/backup.js')
    return backUp(await this.#unlimited(), file, options)
  }

  /** Fills the database, which must have no data, from a file. */
  async restore(file: string, options: RestoreOptions): Promise<Restored> {
    const { restoreBackup } = await import('../db/dump/restore.js')
    return restoreBackup(await this.#unlimited(), file, options)
  }

  /** Copies all tables to another database, which must have no data. */
  async move(to: DatabasePart, options: MoveOptions): Promise<Moved> {
    const { moveDatabase } = await import('../db/dump/move.js')
    return moveDatabase(await this.#unlimited(), await to.#unlimited(), options)
  }

  /** Connections without timeouts, for copies of whole tables. */
  #unlimited(): Promise<Database> {
    return this.lifecycle.once('unlimited database', async () => {
      if (this.embedded) makeFolder(this.config.UNSPLASH_CLIP_HOME, 0o700)
      const database = await openDatabase({ url: await this.url(), maxConnections: 2, failFast: !this.embedded })
      this.lifecycle.onClose(() => database.close())
      return database
    })
  }

  async #ownConnections(maxConnections: number): Promise<Database> {
    await this.migrated()
    const database = await openDatabase({
      url: await this.url(),
      maxConnections,
      statementTimeoutMs: this.#statementTimeoutMs,
    })
    this.lifecycle.onClose(() => database.close())
    return database
  }

  #pool(): Promise<Database> {
    return this.lifecycle.once('database', async () => {
      if (this.embedded) makeFolder(this.config.UNSPLASH_CLIP_HOME, 0o700)
      const url = await this.url()
      const waiting = setTimeout(() => this.embedded && this.onNotice(BUSY), TELL_BUSY_MS)
      const database = await openDatabase({
        url,
        maxConnections: this.config.DATABASE_POOL_SIZE,
        statementTimeoutMs: this.#statementTimeoutMs,
        reconnectMs: this.#reconnectMs,
        failFast: !this.embedded,
      }).finally(() => {
        clearTimeout(waiting)
        this.onNotice('')
      })
      this.lifecycle.onClose(() => database.close())
      return database
    })
  }

  /** 0, no limit, for the embedded server, where all clients share one session. */
  get #statementTimeoutMs(): number {
    return this.embedded ? 0 : this.config.DATABASE_STATEMENT_TIMEOUT_MS
  }
}
