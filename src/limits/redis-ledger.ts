import type { Cluster, Redis } from 'ioredis'
import { BURST_MS, FORGET_MS, type Reservation, type SlotLedger } from './slot-ledger.js'

const SECOND = 1000
const MICROSECONDS = 1000
/** A server that hangs is taken for one that is away. */
const ANSWER_MS = 5 * SECOND

/** Lua's numbers are doubles: microseconds since the epoch are exact in them until the year 2255. */
const KNOWN = `
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local known = redis.call('hmget', KEYS[1], 'opened', 'next', 'paused')
local opened, next, paused = tonumber(known[1]) or now, tonumber(known[2]) or 0, tonumber(known[3]) or 0
local function keep()
  redis.call('hset', KEYS[1], 'opened', string.format('%.0f', opened), 'next', string.format('%.0f', next),
    'paused', string.format('%.0f', paused))
  redis.call('pexpire', KEYS[1], math.ceil(math.max(next - now, 0) / 1000) + ${FORGET_MS})
end`

const RESERVE = `${KNOWN}
local first = math.max(next, now - ${BURST_MS * MICROSECONDS})
next = first + ARGV[1] * ARGV[2]
keep()
return { opened, first - now }`

const HOLDS = `${KNOWN}
return known[1] == ARGV[1] and paused <= now and 1 or 0`

const PAUSE = `${KNOWN}
paused = math.max(paused, now + ARGV[1])
next = math.max(next, paused)
keep()`

interface Scripts {
  reserveSlots(key: string, count: number, intervalUs: number): Promise<[opened: number, firstInUs: number]>
  holdsSlots(key: string, opened: number): Promise<0 | 1>
  pauseSlots(key: string, us: number): Promise<null>
}

/** One key a host, named after the host, so that on a cluster no command needs two of them. */
export class RedisSlotLedger implements SlotLedger {
  readonly #client: Redis | Cluster
  readonly #scripts: Scripts
  readonly #prefix: string

  private constructor(client: Redis | Cluster, prefix: string) {
    this.#client = client
    this.#prefix = prefix
    client.on('error', () => {}) // the command that it breaks tells
    client.defineCommand('reserveSlots', { numberOfKeys: 1, lua: RESERVE })
    client.defineCommand('holdsSlots', { numberOfKeys: 1, lua: HOLDS })
    client.defineCommand('pauseSlots', { numberOfKeys: 1, lua: PAUSE })
    this.#scripts = client as unknown as Scripts
  }

  /**
   * A server that is away now may come later.
   * @param client not connected yet; closed with the ledger. Its commands end in an error while the server is away
   * @param prefix of every key
   */
  static async open(client: Redis | Cluster, prefix: string): Promise<RedisSlotLedger> {
    const ledger = new RedisSlotLedger(client, prefix)
    await client.connect().catch(() => {})
    return ledger
  }

  async reserve(host: string, count: number, intervalMs: number): Promise<Reservation> {
    const [openedAt, firstInUs] = await answered(
      this.#scripts.reserveSlots(this.#key(host), count, intervalMs * MICROSECONDS),
    )
    return { openedAt, firstInMs: firstInUs / MICROSECONDS }
  }

  async holds(host: string, openedAt: number): Promise<boolean> {
    return (await answered(this.#scripts.holdsSlots(this.#key(host), openedAt))) === 1
  }

  async pause(host: string, ms: number): Promise<void> {
    await answered(this.#scripts.pauseSlots(this.#key(host), ms * MICROSECONDS))
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }

  #key(host: string): string {
    return `${this.#prefix}:${host}`
  }
}

/** ioredis waits for an answer without limit once a command is sent. */
async function answered<T>(command: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from Redis within ${ANSWER_MS} ms`)), ANSWER_MS)
  })
  try {
    return await Promise.race([command, late])
  } finally {
    clearTimeout(timer)
  }
}
