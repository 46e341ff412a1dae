import { once } from 'node:events'
import type { Socket } from 'node:net'
import { MINUTE } from '../../../domain/units.js'
import { Batch } from './batch.js'
import { ClientStatements } from './client-statements.js'
import { COPY_PROBE, type CopyClient, refuseCopy, runCopy } from './copy.js'
import { type Engine, tagOf } from './engine.js'
import {
  commandComplete,
  errorResponse,
  isQuery,
  type Message,
  type MessageReader,
  ProtocolViolation,
  query,
  readyForQuery,
  SYNC,
  textAt,
} from './messages.js'
import type { SessionSettings } from './session-settings.js'
import { FORGET_OWN, FORGETS, isRefused, NO_FUNCTION_CALLS, NO_SESSION_TIMEOUTS } from './statement-rules.js'
import { Canceled } from './turns.js'

/** A client that neither ends its transaction nor sends anything loses it after this long, if others wait. */
const IDLE_OWNER_MS = 5 * MINUTE
const IDLE_OWNER_MESSAGE = `terminating connection: its transaction was idle for ${IDLE_OWNER_MS / MINUTE} minutes while other clients of the embedded database waited`
const IDLE_CHECK_MS = 1000
/** A client that sends more without Sync gets the engine before its Sync. */
const EARLY_BYTES = 16 * 1024 * 1024
const WRITE_BYTES = 64 * 1024

export interface ConnectionContext {
  engine: Engine
  settings: SessionSettings
  /** Folder for data of COPY. */
  folder: string
  /** Receives notifications, which belong to all clients that listen. */
  notify: (notification: Buffer) => void
}

/**
 * A client of the shared session, after its startup:
 *
 *     collecting ── Sync, Query, Flush or much data: take the turn ──> running
 *     running ── outside of a transaction, and all messages answered up to Sync ──> collecting, turn released
 *     running ── in a transaction or before Sync ──> collecting, turn kept
 *     any ── disconnect, protocol violation, idle with the turn while others wait ──> rolled back, turn released
 *
 * Messages reach the engine only as a whole, so a client that sends half an exchange holds nobody up. Each client has its
 * own prepared statements (by a prefix of their names), settings and notifications.
 */
export class Connection {
  /** Whether the client has listened. */
  listens = false
  readonly #statements: ClientStatements
  #batch = new Batch()
  /** Whether the engine has messages of this client without their Sync. */
  #open = false

  constructor(
    readonly id: number,
    private readonly socket: Socket,
    private readonly reader: MessageReader,
    private readonly context: ConnectionContext,
  ) {
    this.#statements = new ClientStatements(`${id}:`)
  }

  /** Serves the client until it is gone. Never rejects. */
  async serve(chunks: AsyncIterator<Buffer>): Promise<void> {
    try {
      while (await this.#handleReceived(chunks)) {
        const next = await this.#nextChunk(chunks)
        if (next === null) break
        this.reader.push(next)
      }
    } catch (error) {
      if (error instanceof ProtocolViolation) this.#end(errorResponse('FATAL', error.sqlState, error.message))
      else this.#end(errorResponse('FATAL', 'XX000', error instanceof Error ? error.message : String(error)))
    }
    await this.#leave()
  }

  /** Cancels a statement that waits for the engine. The engine cannot be interrupted. */
  cancel(): void {
    this.context.engine.turns.cancel(this)
  }

  /** Sends a notification, between two messages. */
  receive(notification: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(notification)
  }

  /** @returns whether to read on */
  async #handleReceived(chunks: AsyncIterator<Buffer>): Promise<boolean> {
    for (let found = this.reader.next(); found !== null; found = this.reader.next()) {
      if (found.type === 'X') return false
      await this.#handle(found, chunks)
      if (this.socket.writableNeedDrain && !this.socket.destroyed)
        await this.#idle(Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]))
    }
    return true
  }

  async #handle(found: Message, chunks: AsyncIterator<Buffer>): Promise<void> {
    switch (found.type) {
      case 'Q': {
        const sql = textAt(found)
        this.#batch.noteSql(sql)
        if (FORGETS.test(sql) && this.#mayForget(sql)) return this.#forget(sql)
        if (isRefused(sql)) this.#batch.add(query(NO_SESSION_TIMEOUTS))
        else this.#batch.add(FORGETS.test(sql) ? query(FORGET_OWN) : found.bytes)
        if (this.#batch.mayCopy) this.#batch.add(COPY_PROBE)
        return this.#exchange(chunks, 'query')
      }
      case 'F':
        this.#batch.add(query(NO_FUNCTION_CALLS))
        return this.#exchange(chunks, 'query')
      case 'S':
        return this.#exchange(chunks, 'sync')
      case 'H':
        return this.#exchange(chunks, 'flush')
      case 'P':
      case 'B':
      case 'D':
      case 'C':
        this.#batch.add(this.#statements.own(found, this.#batch))
        break
      case 'E':
        this.#batch.add(found.bytes)
        if (this.#batch.mayCopy) this.#batch.add(COPY_PROBE)
        break
      default:
        return // Data of a COPY that has failed already: Postgres ignores it too.
    }
    if (this.#batch.bytes > EARLY_BYTES && !this.#batch.mayCopy) await this.#exchange(chunks, 'flush')
  }

  get #isOwner(): boolean {
    return this.context.engine.turns.isOwnedBy(this)
  }

  async #exchange(chunks: AsyncIterator<Buffer>, end: 'query' | 'sync' | 'flush'): Promise<void> {
    const { engine } = this.context
    const { messages, mayCopy } = this.#batch
    const ends = end !== 'flush'
    try {
      const wasOwner = this.#isOwner
      await engine.turns.take(this)
      if (!wasOwner) await this.#prepare()
      const probes = messages.filter(bytes => bytes === COPY_PROBE).length
      const isWhole = ends && !this.#open && (end === 'sync' || isQuery(messages[0]!))
      if (mayCopy && isWhole && probes === 1 && messages.at(-1) === COPY_PROBE)
        await runCopy(messages, end, this.#copyClient(chunks))
      else {
        if (end === 'sync') messages.push(SYNC)
        // After an error in a pipeline, a query is skipped like all messages until Sync.
        const isAnswered = end === 'sync' || (isQuery(messages[0]!) && !this.#open)
        if (messages.length > 0)
          this.#open = !(await this.#runForClient(Buffer.concat(messages), isAnswered, refuseCopy))
      }
    } catch (error) {
      if (!(error instanceof Canceled)) throw error
      this.#write(errorResponse('ERROR', '57014', 'canceling statement due to user request'))
      // Without its Sync, the rest of a pipeline could still come.
      if (ends) this.#write(readyForQuery('I'))
      else throw new ProtocolViolation('canceled before Sync', '57014')
    } finally {
      this.#batch = new Batch()
      this.#releaseIfDone()
    }
  }

  #releaseIfDone(): void {
    if (!this.#open && this.context.engine.status === 'I') this.context.engine.turns.release(this)
  }

  /** Makes the session this client's, at the start of a turn. */
  async #prepare(): Promise<void> {
    const { engine, settings } = this.context
    await settings.switchTo(this)
    if (!this.#batch.usesUnnamed) return
    // Others may have overwritten the unnamed statement.
    await engine.run(Buffer.concat([this.#statements.restoreUnnamed(), SYNC]), true, () => undefined)
  }

  /** @param answer what the client gets of a message of the engine; null for nothing */
  async #runForClient(input: Uint8Array, ends: boolean, answer: (found: Message) => Buffer | null): Promise<boolean> {
    const { engine, settings } = this.context
    let pending: Buffer[] = []
    let pendingBytes = 0
    const flush = (): void => {
      if (pendingBytes > 0) this.#write(Buffer.concat(pending))
      pending = []
      pendingBytes = 0
    }
    const ready = await engine.run(input, ends, found => {
      if (this.#consumes(found)) return
      const bytes = answer(found)
      if (bytes === null) return
      pending.push(bytes)
      pendingBytes += bytes.length
      if (pendingBytes >= WRITE_BYTES) flush()
    })
    flush()
    if (this.#batch.maySet) settings.changedBy(this)
    return ready
  }

  /** Notifications go to every client that listens. */
  #consumes(found: Message): boolean {
    if (found.type === 'A') this.context.notify(found.bytes)
    else if (found.type === 'C' && tagOf(found) === 'LISTEN') this.listens = true
    return found.type === 'A'
  }

  #copyClient(chunks: AsyncIterator<Buffer>): CopyClient {
    const { engine, settings, folder } = this.context
    return {
      engine,
      folder,
      consumes: found => this.#consumes(found),
      write: bytes => this.#write(bytes),
      noteSettings: () => {
        if (this.#batch.maySet) settings.changedBy(this)
      },
      release: () => engine.turns.release(this),
      retake: async isNewTurn => {
        await engine.turns.take(this)
        if (isNewTurn) await settings.switchTo(this)
      },
      next: () => this.#nextMessage(chunks),
      run: async (input, end, answer) => {
        // In the extended protocol the Sync before the data was part of the COPY, and another one follows.
        this.#open = end === 'sync'
        await this.#runForClient(input, end === 'query', answer)
        return this.#open
      },
    }
  }

  /** @returns null at the end of the connection */
  async #nextMessage(chunks: AsyncIterator<Buffer>): Promise<Message | null> {
    for (;;) {
      const found = this.reader.next()
      if (found !== null) return found
      const next = await this.#nextChunk(chunks)
      if (next === null) return null
      this.reader.push(next)
    }
  }

  #mayForget(sql: string): boolean {
    const { status } = this.context.engine
    return (
      this.#batch.messages.length === 0 && !this.#open && (!this.#isOwner || (status === 'T' && !/discard/i.test(sql)))
    )
  }

  /** DISCARD ALL and DEALLOCATE ALL: of this client only. */
  async #forget(sql: string): Promise<void> {
    const discards = /discard/i.test(sql)
    await this.context.engine.turns.take(this)
    try {
      await this.#closeStatements()
      if (discards) await this.context.settings.forget(this)
      const tag = discards ? 'DISCARD ALL' : 'DEALLOCATE ALL'
      this.#write(Buffer.concat([commandComplete(tag), readyForQuery(this.context.engine.status)]))
    } finally {
      this.#batch.maySet = false
      this.#releaseIfDone()
    }
    if (discards) this.listens = false
  }

  async #closeStatements(): Promise<void> {
    if (this.#statements.isEmpty) return
    const closing = Buffer.concat([...this.#statements.closeAll(), SYNC])
    await this.context.engine.run(closing, true, () => undefined)
    this.#statements.clear()
  }

  /** @returns null at the end of the connection */
  async #nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | null> {
    try {
      const { done, value } = await this.#idle(chunks.next())
      return done ? null : value
    } catch {
      return null
    }
  }

  /** Waits for the client. Ends the connection when that keeps others from the engine for too long. */
  async #idle<T>(waiting: Promise<T>): Promise<T> {
    const { turns } = this.context.engine
    if (!this.#isOwner) return waiting
    const since = Date.now()
    const timer = setInterval(() => {
      if (turns.waiting > 0 && Date.now() - since >= IDLE_OWNER_MS)
        this.#end(errorResponse('FATAL', '25P03', IDLE_OWNER_MESSAGE))
    }, IDLE_CHECK_MS)
    try {
      return await waiting
    } finally {
      clearInterval(timer)
    }
  }

  /** Leaves the session as if this client had never been there. */
  async #leave(): Promise<void> {
    const { engine, settings } = this.context
    const hasState = this.#isOwner || !this.#statements.isEmpty
    try {
      if (hasState) {
        await engine.turns.take(this)
        if (this.#open) await engine.run(SYNC, true, () => undefined)
        this.#open = false
        if (engine.status !== 'I') await engine.query('rollback')
        await this.#closeStatements()
        await settings.forget(this)
      }
    } finally {
      engine.turns.release(this)
      this.#end()
    }
  }

  #write(bytes: Buffer): void {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(bytes)
  }

  #end(last?: Buffer): void {
    if (last !== undefined) this.#write(last)
    this.socket.destroySoon()
  }
}
