import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
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

const NO_MORE_CLIENTS = /reached its maxclients.*Raise maxclients|cannot be reached/

async function acceptNoMoreClients(admin: Redis): Promise<void> {
  await admin.config('SET', 'maxclients', '1')
  await admin.call('CLIENT', 'KILL', 'USER', USER)
}

const acceptClients = (admin: Redis) => admin.config('SET', 'maxclients', '1000')

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
    says: NO_MORE_CLIENTS,
    closes: true,
    begin: acceptNoMoreClients,
    end: acceptClients,
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
  let queue: BullmqQueue | undefined
  /** Makes the server work again. */
  let end: (() => Promise<unknown>) | undefined
  let tests = 0
  beforeAll(async () => {
    redis = await startRedis({ parameters: ['--enable-protected-configs', 'yes'] })
    admin = new Redis(redis.url)
    await admin.call('ACL', 'SETUSER', USER, ...RIGHTS)
  })
  // Also after a test that failed, so that it fails alone.
  afterEach(async () => {
    await end?.().catch(() => {})
    end = undefined
    await queue?.close()
    queue = undefined
  })
  afterAll(async () => {
    admin.disconnect()
    await redis.stop()
  })

  const open = async () => {
    const url = new URL(redis.url)
    url.username = USER
    url.password = 'secret'
    const opened = await openRedisQueue({ url: url.href, name: `refusals-${++tests}`, backoffMs: 20 })
    queue = opened
    return opened
  }

  test.each(REFUSALS)('$name is named, and counts no attempt', async ({ code, says, closes, ...refusal }) => {
    const queue = await open()
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
    end = () => refusal.end(admin, redis)
    await refusal.begin(admin, redis)
    gate.resolve()
    await expect(queue.check()).rejects.toMatchObject({ code, message: expect.stringMatching(says) })
    await expect(queue.add([aBatch()])).rejects.toMatchObject({ code, message: expect.stringMatching(says) })
    if (code !== 'QUEUE_FULL' && !closes)
      await until('the consumer has told it', () => troubles.some(({ message }) => says.test(message)))
    await refusal.end(admin, redis)
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
  })

  test('accepts no more clients refuses also the command whose connection it closed', async () => {
    const queue = await open()
    end = () => Promise.all([acceptClients(admin), admin.call('CLIENT', 'UNPAUSE')])
    await admin.call('CLIENT', 'PAUSE', 300 * SECOND, 'WRITE')
    const checked = expect(queue.check()).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringMatching(NO_MORE_CLIENTS),
    })
    await until('the command is under way', async () =>
      / cmd=set user=app /.test(String(await admin.call('CLIENT', 'LIST'))),
    )
    await acceptNoMoreClients(admin)
    await checked
  })

  test('has reached its maxmemory keeps the locks of its batches and takes their results', async () => {
    const queue = await open()
    const lockMs = 4 * SECOND
    const deliveries: Delivery[] = []
    const doneAt = Date.now() + 1.5 * lockMs
    await queue.add([aBatch(), aBatch(), aBatch()])
    end = () => admin.config('SET', 'maxmemory', '0')
    await admin.config('SET', 'maxmemory', '1')
    const handle = async (_batch: unknown, _signal: AbortSignal, delivery: Delivery) => {
      deliveries.push(delivery)
      await until('longer than the lock', () => Date.now() > doneAt)
    }
    const consumer = await queue.consume(handle, { concurrency: 3, lockMs, onError: () => {} })
    await until('all are done', async () => {
      const { waiting, active } = await queue.counts()
      return waiting + active === 0
    })
    expect(deliveries).toEqual(Array(3).fill({ stalls: 0, attempt: 1, isLast: false }))
    await consumer.close()
  })

  test('loads its data says so at the start, and works when it has', async () => {
    const [saved, answersWhileLoading] = [
      ['--appendonly', 'no'],
      ['--loading-process-events-interval-bytes', '1024'],
    ]
    const slow = await startRedis({ parameters: [...saved, ...answersWhileLoading, '--key-load-delay', '5000'] })
    const client = new Redis(slow.url, { enableReadyCheck: false })
    client.on('error', () => {})
    await client.mset(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, 'x'])))
    await client.save()
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
    await client.config('SET', 'key-load-delay', '0')
    client.disconnect()
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
