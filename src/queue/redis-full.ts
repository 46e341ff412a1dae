import type { RedisQueueBackend } from 'bullmq'

/**
 * A server that has reached its maxmemory refuses commands that may need memory, such as RPOPLPUSH and SET, unless
 * their script has written something before. Two scripts of BullMQ begin with such a command, so workers could take no
 * batch, and would lose those they hold: the memory that the queue occupies would never get free.
 */
export function consumesWhileFull(bull: RedisQueueBackend): RedisQueueBackend {
  const moveToActive = bull.moveToActive.bind(bull)
  let patched: Promise<void> | undefined
  bull.moveToActive = async (...parameters) => {
    patched ??= patchMoveToActive(bull)
    await patched
    return moveToActive(...parameters)
  }
  bull.extendLocks = (jobIds, tokens, durationMs) => renewLocks(bull, jobIds, tokens, durationMs)
  return bull
}

/** As ioredis keeps scripts by the name of their command; not in its types. */
interface WithScripts {
  scriptsSet: Record<string, { lua: string; numberOfKeys: number }>
}

/** Precedes the script by a write that never changes anything: no job has an empty id. KEYS[3] are prioritized jobs. */
async function patchMoveToActive(bull: RedisQueueBackend): Promise<void> {
  const client = await bull.client
  const name = Object.keys((client as unknown as WithScripts).scriptsSet).find(key => key.startsWith('moveToActive:'))!
  const { lua, numberOfKeys } = (client as unknown as WithScripts).scriptsSet[name]!
  client.defineCommand(name, { numberOfKeys, lua: `redis.call('ZREM', KEYS[3], '')\n${lua}` })
}

/** Replaces `extendLocks.lua`, which sets the lock again. */
const RENEW_LOCKS = {
  numberOfKeys: 1,
  lua: `
    local lost = {}
    for i = 3, #ARGV, 2 do
      local id, token = ARGV[i], ARGV[i + 1]
      local lock = ARGV[1] .. id .. ':lock'
      if redis.call('GET', lock) == token then
        redis.call('PEXPIRE', lock, ARGV[2])
        redis.call('SREM', KEYS[1], id)
      else
        lost[#lost + 1] = id
      end
    end
    return lost`,
}

/** @returns ids of the jobs whose lock is gone or somebody else's */
async function renewLocks(
  bull: RedisQueueBackend,
  jobIds: readonly string[],
  tokens: readonly string[],
  durationMs: number,
): Promise<string[]> {
  const client = await bull.client
  client.defineCommand('renewLocks', RENEW_LOCKS)
  const pairs = jobIds.flatMap((id, i) => [id, tokens[i] ?? ''])
  return client.runCommand('renewLocks', [bull.toKey('stalled'), bull.toKey(''), String(durationMs), ...pairs])
}
