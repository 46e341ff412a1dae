import type { PGlite } from '@electric-sql/pglite'
import { errorFields, type Message, message, OutputReader, query, rowOf, textAt } from './messages.js'
import { Turns } from './turns.js'

/** The engine's loop asks for the length of its input once per message; so often without reading, it is stuck. */
const MAX_IDLE_ROUNDS = 100_000

const STARTUP = message('', Buffer.from([0, 3, 0, 0]), 'user\0postgres\0database\0postgres\0\0').subarray(1)

/** I: idle, T: in a transaction, E: in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

/**
 * The one session of a PGlite. The owner of the turn hands it whole messages and gets the answers. It runs until it is
 * done, and must never be left waiting for input: it takes the end of its input for the end of the session.
 */
export class Engine {
  readonly turns = new Turns()
  /** Of the last ReadyForQuery. */
  status: TransactionStatus = 'I'
  /** What a real server sends after the startup packet, ParameterStatus only. */
  readonly parameters: Buffer[] = []

  /** @param onFatal must end the process: after it, nothing that the engine says is reliable */
  constructor(
    private readonly db: PGlite,
    private readonly onFatal: (reason: string) => void,
  ) {}

  /** Call once. */
  async start(): Promise<void> {
    await this.run(STARTUP, false, found => {
      if (found.type === 'S') this.parameters.push(Buffer.from(found.bytes))
    })
  }

  /**
   * Runs messages. Only for the owner of the turn.
   * @param ends whether the messages end with one that ReadyForQuery answers in any case
   * @returns whether ReadyForQuery came last
   */
  async run(input: Uint8Array, ends: boolean, onMessage: (message: Message) => void): Promise<boolean> {
    const output = new OutputReader()
    let ready = false
    let fatal: string | undefined
    const onRawData = (chunk: Uint8Array): void => {
      for (const found of output.push(chunk)) {
        ready = found.type === 'Z'
        if (ready) {
          this.status = String.fromCharCode(found.bytes[5]!) as TransactionStatus
        }
        if (found.type === 'E') {
          const { V: severity, M: text } = errorFields(found)
          if (severity !== 'ERROR') fatal = text
        }
        onMessage(found)
      }
    }
    try {
      await this.db.execProtocolRawStream(watched(input), { onRawData, syncToFs: false })
    } catch (error) {
      fatal ??= error instanceof Error ? error.stack : String(error)
    }
    if (ends && !ready) fatal ??= 'it did not answer'
    if (fatal !== undefined) this.onFatal(`the database engine failed: ${fatal}`)
    return ready
  }

  /** Runs SQL of the server itself. Only for the owner of the turn. @returns its rows as texts @throws Error */
  async query(sql: string): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = []
    let failure: string | undefined
    await this.run(query(sql), true, found => {
      if (found.type === 'D') rows.push(rowOf(found))
      if (found.type === 'E') failure = errorFields(found).M
    })
    if (failure !== undefined) throw new Error(failure)
    return rows
  }

  /**
   * Runs one statement between those of the clients.
   * @returns its rows as texts; null while a client has the engine
   */
  async queryBetween(sql: string): Promise<(string | null)[][] | null> {
    return this.between(() => this.query(sql))
  }

  /** Runs work while no client has the engine. @returns null, without running it, while one has */
  async between<T>(work: () => Promise<T>): Promise<T | null> {
    const owner = {}
    if (!this.turns.tryTake(owner)) return null
    try {
      return await work()
    } finally {
      this.turns.release(owner)
    }
  }
}

/** The tag of a CommandComplete, such as `INSERT 0 1`. */
export const tagOf = (found: Message): string => textAt(found)

/**
 * PGlite drops the exceptions of its engine and calls it again until the input is read. After some of them, such as the
 * end of a session, the engine never reads again, so the process would hang. The length of the input is the only place
 * of that loop that can notice.
 */
function watched(input: Uint8Array): Uint8Array {
  let rounds = 0
  const seen = {
    0: input[0],
    get length(): number {
      if (rounds++ > MAX_IDLE_ROUNDS) throw new Error('it does not read its input')
      return input.length
    },
    subarray(from: number, to: number): Uint8Array {
      rounds = 0
      return input.subarray(from, to)
    },
  }
  return seen as unknown as Uint8Array
}
