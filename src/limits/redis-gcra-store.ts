import type { Cluster, Redis } from 'ioredis'
import { SECOND } from '../domain/units.js'
import { BURST_MS, FORGET_MS, type GcraStore, type Reservation } from './gcra-store.js'

const MICROSECONDS = 1000
/** A server that does not answer within this time counts as away. */
const ANSWER_MS = 5 * SECOND

/** Lua's numbers are doubles: exact for microseconds since 1970 until the year 2255. */
const KNOWN = `
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local known = redis.call('hmget', KEYS[1], 'opened', 'next', 'paused')
local opened, next, paused = tonumber(known[1]) or now, tonumber(known[2]) or 0, tonumber(known[3]) or 0
local function keep()
  -- Frees memory, so that a server at its maxmemory accepts what follows: workers must go on for it to get free.
  redis.call('del', KEYS[1])
  redis.call('hset', KEYS[1], 'opened', string.format('%.0f', opened), 'next', string.format('%.0f', next),
    'paused', string.format('%.0f', paused))
  redis.call('pexpire', KEYS[1], math.ceil(math.max(next - now, 0) / 1000) + ${FORGET_MS})
end`

const RESERVE = `${KNOWN}
if paused > now then return { opened, 0, paused - now } end
local first = math.max(next, now - ${BURST_MS * MICROSECONDS})
next = first + ARGV[1] * ARGV[2]
keep()
return { opened, first - now, 0 }`

const IS_STILL_VALID = `${KNOWN}
return known[1] == ARGV[1] and paused <= now and 1 or 0`

const PAUSE = `${KNOWN}
paused = math.max(paused, now + ARGV[1])
next = math.max(next, paused)
keep()`

interface Scripts {
  reserveSlots(
    key: string,
    count: number,
    intervalUs: number,
  ): Promise<[epoch: number, firstInUs: number, pausedUs: number]>
  areSlotsValid(key: string, epoch: number): Promise<0 | 1>
  pauseSlots(key: string, us: number): Promise<null>
}

/** GCRA state in one key per host, so that no command needs two nodes of a cluster. */
export class RedisGcraStore implements GcraStore {
  readonly #client: Redis | Cluster
  readonly #scripts: Scripts
  readonly #prefix: string

  private constructor(client: Redis | Cluster, prefix: string) {
    this.#client = client
    this.#prefix = prefix
    client.on('error', () => {}) // the command that it breaks tells
    client.defineCommand('reserveSlots', { numberOfKeys: 1, lua: RESERVE })
    client.defineCommand('areSlotsValid', { numberOfKeys: 1, lua: IS_STILL_VALID })
    client.defineCommand('pauseSlots', { numberOfKeys: 1, lua: PAUSE })
    this.#scripts = client as unknown as Scripts
  }

  /**
   * Opens the store even while the server is away.
   * @param client not connected yet; closed with the store. Its commands fail while the server is away
   * @param prefix of every key
   */
  static async open(client: Redis | Cluster, prefix: string): Promise<RedisGcraStore> {
    const store = new RedisGcraStore(client, prefix)
    await client.connect().catch(() => {})
    return store
  }

  async reserve(host: string, count: number, intervalMs: number): Promise<Reservation> {
    const [epoch, firstInUs, pausedUs] = await answered(
      this.#scripts.reserveSlots(this.#key(host), count, intervalMs * MICROSECONDS),
    )
    return { epoch, firstInMs: firstInUs / MICROSECONDS, pausedMs: pausedUs / MICROSECONDS }
  }

  async isStillValid(host: string, epoch: number): Promise<boolean> {
    return (await answered(this.#scripts.areSlotsValid(this.#key(host), epoch))) === 1
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

/** ioredis waits without limit for the answer to a command that was sent. */
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
