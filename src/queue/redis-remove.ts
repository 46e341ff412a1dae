import type { RedisQueueBackend } from 'bullmq'

/**
 * Replaces BullMQ's own removal, which also takes jobs whose worker has just died, reports "removed" for missing jobs,
 * and needs one round trip per job. The keys are those of BullMQ 6 (`removeJobFromAnyState.lua`, `removeJobKeys.lua`),
 * without those of flows and deduplication, which are not used here.
 */
const REMOVE_IDLE = {
  numberOfKeys: 5,
  lua: `
    local prioritized, delayed, failed, wait, paused = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
    local removed = {}
    for i = 2, #ARGV do
      local id = ARGV[i]
      if redis.call('ZREM', prioritized, id) == 1 or redis.call('ZREM', delayed, id) == 1
        or redis.call('ZREM', failed, id) == 1 or redis.call('LREM', wait, 1, id) == 1
        or redis.call('LREM', paused, 1, id) == 1 then
        redis.call('DEL', ARGV[1] .. id, ARGV[1] .. id .. ':logs')
        removed[#removed + 1] = id
      end
    end
    return removed`,
}

/** Removes jobs that are waiting, delayed or failed, atomically. @returns the removed ids */
export async function removeIdle(bull: RedisQueueBackend, jobIds: readonly string[]): Promise<string[]> {
  const client = await bull.client
  client.defineCommand('removeIdle', REMOVE_IDLE)
  const keys = ['prioritized', 'delayed', 'failed', 'wait', 'paused'].map(type => bull.toKey(type))
  return client.runCommand('removeIdle', [...keys, bull.toKey(''), ...jobIds])
}
