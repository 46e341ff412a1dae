import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { freePort } from '../../support/servers/free-port.js'
import { hasRedis, redisClient, startRedis, type TestRedis } from '../../support/servers/redis.js'

const RIGHTS = ['on', '>secret', '~*', '+@all', '-@dangerous', '+info']
const COMMANDS = [
  ['ingest', 'urls.txt'],
  ['worker', '--until-idle'],
]

describe.skipIf(!hasRedis())('on a Redis with an unsuitable setting', () => {
  let redis: TestRedis
  let admin: Redis
  let sandbox: Sandbox
  let withUser: Sandbox

  beforeAll(async () => {
    redis = await startRedis({ parameters: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
    admin = redisClient(redis.url)
    await admin.call('ACL', 'SETUSER', 'app', ...RIGHTS)
    const url = new URL(redis.url)
    url.username = 'app'
    url.password = 'secret'
    sandbox = await Sandbox.create({ REDIS_URL: redis.url })
    withUser = await Sandbox.create({ REDIS_URL: url.href })
    for (const { home } of [sandbox, withUser]) await writeFile(join(home, 'urls.txt'), 'http://127.0.0.1:9/x.jpg\n')
  }, 60_000)
  afterAll(async () => {
    admin?.disconnect()
    await sandbox?.close()
    await withUser?.close()
    await redis?.stop()
  })

  test('ingest warns once, in a sentence, of one that drops keys', async () => {
    const { code, stderr } = await sandbox.run('ingest', 'urls.txt')
    expect(code, stderr).toBe(0)
    expect(
      stderr.match(/^Redis at .* has maxmemory-policy allkeys-lru: .* Set maxmemory-policy noeviction\.$/gm),
    ).toHaveLength(1)
    expect(stderr).not.toMatch(/^\{|IMPORTANT/m)
  })

  test('a worker logs that as JSON', async () => {
    const { code, stderr } = await sandbox.run('worker', '--until-idle')
    // The only photo cannot be fetched.
    expect(code, stderr).toBe(3)
    expect(stderr).toMatch(/^\{"level":40,.*maxmemory-policy allkeys-lru.*\}$/m)
    expect(stderr).not.toContain('IMPORTANT')
  })

  test.each(COMMANDS)('%s refuses a replica at once, and says what to do', async (...args) => {
    await admin.replicaof('127.0.0.1', await freePort())
    try {
      const { code, stderr } = await sandbox.run(...args)
      expect(code, stderr).toBe(1)
      expect(stderr).toMatch(
        /^QUEUE_UNREACHABLE: Redis at .* is a replica.*\(READONLY .*\)\. Point REDIS_URL to the master/m,
      )
    } finally {
      await admin.replicaof('NO', 'ONE')
    }
  })

  test.each(['-@write', '-@scripting'])('a missing right, %s, is refused at once with advice', async right => {
    await admin.call('ACL', 'SETUSER', 'app', right)
    try {
      for (const args of COMMANDS) {
        const { code, stderr } = await withUser.run(...args)
        expect(code, stderr).toBe(1)
        expect(stderr).toMatch(/^QUEUE_UNREACHABLE: Redis at .* does not permit this user.*ACL SETUSER/m)
      }
    } finally {
      await admin.call('ACL', 'SETUSER', 'app', ...RIGHTS)
    }
  })
})
