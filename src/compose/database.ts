import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { type Database, describe, openDatabase } from '../db/connection.js'
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

export type { FunctionState, MigrationState } from '../db/migrate.js'

/** How long a command waits for an unreachable database. */
const RECONNECT_MS = 60_000

/** The database of the settings: the embedded server, or the Postgres of DATABASE_URL. */
export class DatabasePart {
  #keeper: KeepAlive | undefined

  constructor(
    private readonly config: Config,
    private readonly lifecycle: Lifecycle,
    private readonly logger: () => Promise<Logger>,
    private readonly signal: AbortSignal | undefined,
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

  /** The connection string. Starts the embedded server where that is the database. */
  async url(): Promise<string> {
    return this.config.DATABASE_URL ?? (await this.startEmbedded()).url
  }

  startEmbedded(): Promise<EmbeddedServer> {
    const { folder, config, signal } = this
    return ensureEmbeddedServer({ dataDir: folder, idleMs: config.EMBEDDED_IDLE_MS, signal })
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
      openRepositories(await this.migrated(), { embedded: this.embedded, url: () => this.url() }),
    )
  }

  /** The command's connection pool, the schema up to date. */
  migrated(): Promise<Database> {
    return this.lifecycle.once('migrated database', async () => {
      const database = await this.#pool()
      await migrate(database)
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
      const database = await openDatabase({
        url: await this.url(),
        maxConnections: this.config.DATABASE_POOL_SIZE,
        statementTimeoutMs: this.#statementTimeoutMs,
        reconnectMs: RECONNECT_MS,
        failFast: !this.embedded,
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
