import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Delivery } from '../../src/domain/ports/queue.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { openRedisQueue } from '../../src/queue/redis-backend.js'
import { deferred } from '../support/deferred.js'
import { freePort } from '../support/servers/free-port.js'
import { hasRedis, startRedis, type TestRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'
import { aBatch } from './batches.js'

const SECOND = 1000
const USER = 'app'
const RIGHTS = ['on', '>secret', '~*', '+@all', '-@dangerous', '+info']

interface Refusal {
  name: string
  code: 'QUEUE_FULL' | 'QUEUE_UNREACHABLE'
  /** Cause and way out. */
  says: RegExp
  /** The server may close a connection before its reply is read, so the consumer need not learn the reason. */
  closes?: true
  begin(admin: Redis, redis: TestRedis): Promise<unknown>
  end(admin: Redis, redis: TestRedis): Promise<unknown>
}

const REFUSALS: Refusal[] = [
  {
    name: 'has reached its maxmemory',
    code: 'QUEUE_FULL',
    says: /reached its maxmemory.*OOM.*raise maxmemory/,
    begin: admin => admin.config('SET', 'maxmemory', '1'),
    end: admin => admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'became a replica',
    code: 'QUEUE_UNREACHABLE',
    says: /is a replica.*READONLY.*redis-sentinel/,
    begin: async admin => admin.replicaof('127.0.0.1', await freePort()),
    end: admin => admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'is a replica without its master',
    code: 'QUEUE_UNREACHABLE',
    says: /is a replica.*(READONLY|MASTERDOWN)/,
    async begin(admin) {
      await admin.config('SET', 'replica-serve-stale-data', 'no')
      await admin.replicaof('127.0.0.1', await freePort())
    },
    end: admin => admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'cannot save its data',
    code: 'QUEUE_UNREACHABLE',
    says: /cannot save its data to disk.*MISCONF.*Make room/,
    async begin(admin) {
      const gone = await mkdtemp(join(tmpdir(), 'unsplash-clip-gone-'))
      await admin.config('SET', 'dir', gone)
      await rm(gone, { recursive: true })
      await admin.config('SET', 'save', '3600 1')
      await admin.bgsave().catch(() => {})
      await until('saving has failed', async () => /rdb_last_bgsave_status:err/.test(await admin.info('persistence')))
    },
    end: admin => admin.config('SET', 'save', ''),
  },
  {
    name: 'misses a replica',
    code: 'QUEUE_UNREACHABLE',
    says: /fewer replicas.*NOREPLICAS/,
    begin: admin => admin.config('SET', 'min-replicas-to-write', '1'),
    end: admin => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    name: 'takes rights away from its user',
    code: 'QUEUE_UNREACHABLE',
    says: /does not permit this user.*ACL SETUSER/,
    begin: admin => admin.call('ACL', 'SETUSER', USER, '-@write'),
    end: admin => admin.call('ACL', 'SETUSER', USER, ...RIGHTS),
  },
  {
    name: 'changes the password',
    code: 'QUEUE_UNREACHABLE',
    says: /does not accept this user and password.*WRONGPASS.*REDIS_URL/,
    async begin(admin) {
      await admin.call('ACL', 'SETUSER', USER, 'resetpass', '>other')
      await admin.call('CLIENT', 'KILL', 'USER', USER)
    },
    end: admin => admin.call('ACL', 'SETUSER', USER, ...RIGHTS),
  },
  {
    name: 'accepts no more clients',
    code: 'QUEUE_UNREACHABLE',
    says: /reached its maxclients.*Raise maxclients|cannot be reached/,
    closes: true,
    async begin(admin) {
      await admin.config('SET', 'maxclients', '1')
      await admin.call('CLIENT', 'KILL', 'USER', USER)
    },
    end: admin => admin.config('SET', 'maxclients', '1000'),
  },
  {
    name: 'is busy with a script',
    code: 'QUEUE_UNREACHABLE',
    says: /busy with a script.*SCRIPT KILL/,
    async begin(admin, redis) {
      await admin.config('SET', 'busy-reply-threshold', '1')
      const other = new Redis(redis.url)
      other
        .eval('while true do end', 0)
        .catch(() => {})
        .finally(() => other.disconnect())
      await until('it is busy', () =>
        admin.get('x').then(
          () => false,
          error => /BUSY/.test(String(error)),
        ),
      )
    },
    end: admin => admin.call('SCRIPT', 'KILL'),
  },
]

describe.skipIf(!hasRedis())('a Redis that', () => {
  let redis: TestRedis
  let admin: Redis
  let queue: BullmqQueue
  let tests = 0
  beforeAll(async () => {
    redis = await startRedis({ parameters: ['--enable-protected-configs', 'yes'] })
    admin = new Redis(redis.url)
    await admin.call('ACL', 'SETUSER', USER, ...RIGHTS)
  })
  afterAll(async () => {
    admin.disconnect()
    await redis.stop()
  })

  const open = () => {
    const url = new URL(redis.url)
    url.username = USER
    url.password = 'secret'
    return openRedisQueue({ url: url.href, name: `refusals-${++tests}`, backoffMs: 20 })
  }

  test.each(REFUSALS)('$name is named, and counts no attempt', async ({ code, says, closes, begin, end }) => {
    queue = await open()
    const deliveries: Delivery[] = []
    const troubles: Error[] = []
    const gate = deferred()
    const handle = async (_batch: unknown, _signal: AbortSignal, delivery: Delivery) => {
      deliveries.push(delivery)
      await gate.promise
    }
    const options = { concurrency: 2, lockMs: 30 * SECOND, onError: (error: Error) => troubles.push(error) }
    await queue.add([aBatch()])
    const consumer = await queue.consume(handle, options)
    await until('a batch is in hand', () => deliveries.length === 1)
    await begin(admin, redis)
    try {
      gate.resolve()
      await expect(queue.check()).rejects.toMatchObject({ code, message: expect.stringMatching(says) })
      await expect(queue.add([aBatch()])).rejects.toMatchObject({ code, message: expect.stringMatching(says) })
      if (code !== 'QUEUE_FULL' && !closes)
        await until('the consumer has told it', () => troubles.some(({ message }) => says.test(message)))
    } finally {
      await end(admin, redis)
    }
    await until('it works again', () =>
      queue.check().then(
        () => true,
        () => false,
      ),
    )
    await queue.add([aBatch()])
    await until('both batches are done', async () => {
      const { waiting, active, delayed, failed } = await queue.counts()
      return deliveries.length >= 2 && waiting + active + delayed + failed === 0
    })
    expect(deliveries).toEqual(Array(2).fill({ stalls: 0, attempt: 1, isLast: false }))
    await consumer.close()
    await queue.close()
  })

  test('has reached its maxmemory keeps the locks of its batches and takes their results', async () => {
    queue = await open()
    const lockMs = SECOND
    const deliveries: Delivery[] = []
    const end = Date.now() + 4 * lockMs
    await queue.add([aBatch(), aBatch(), aBatch()])
    await admin.config('SET', 'maxmemory', '1')
    try {
      const handle = async (_batch: unknown, _signal: AbortSignal, delivery: Delivery) => {
        deliveries.push(delivery)
        await until('longer than the lock', () => Date.now() > end)
      }
      const consumer = await queue.consume(handle, { concurrency: 3, lockMs, onError: () => {} })
      await until('all are done', async () => {
        const { waiting, active } = await queue.counts()
        return waiting + active === 0
      })
      expect(deliveries).toEqual(Array(3).fill({ stalls: 0, attempt: 1, isLast: false }))
      await consumer.close()
    } finally {
      await admin.config('SET', 'maxmemory', '0')
    }
    await queue.close()
  })

  test('loads its data says so at the start, and works when it has', async () => {
    const slow = await startRedis({ parameters: ['--key-load-delay', '5000'] })
    const filling = new Redis(slow.url)
    await Promise.all(Array.from({ length: 3000 }, (_, i) => filling.set(`key-${i}`, 'x')))
    filling.disconnect()
    await slow.kill()
    const restarted = slow.restart()
    const opening = () => openRedisQueue({ url: slow.url, name: 'x' })
    const refused = await until('it listens', () =>
      opening().then(
        () => 'it is open',
        error => (/ECONNREFUSED/.test(error.message) ? null : String(error.message)),
      ),
    )
    expect(refused).toMatch(/still loading its data.*LOADING/)
    await restarted
    await (await opening()).close()
    await slow.stop()
  })

  test('refuses a password says so at the start', async () => {
    const url = new URL(redis.url)
    url.username = USER
    url.password = 'wrong'
    await expect(openRedisQueue({ url: url.href, name: 'x' })).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringMatching(/does not accept this user and password.*WRONGPASS/),
    })
  })
})

test('a node of a Cluster without hash slots is refused, and says what is missing', async () => {
  const redis = await startRedis({ parameters: ['--cluster-enabled', 'yes'] })
  try {
    const opened = openRedisQueue({ url: redis.url, name: 'no-slots', backoffMs: 20 }).then(queue =>
      queue.check().finally(() => queue.close()),
    )
    await expect(opened).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringMatching(
        /is a Cluster in which a part of the hash slots has no node.*Start the missing nodes/,
      ),
    })
  } finally {
    await redis.stop()
  }
})
