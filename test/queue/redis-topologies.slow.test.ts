import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Batch } from '../../src/domain/ports/queue.js'
import { openRedisQueue } from '../../src/queue/redis-backend.js'
import { type Certificates, makeCertificates } from '../support/servers/certificates.js'
import { hasRedis, redisClient, startRedis, type TestRedis } from '../support/servers/redis.js'
import {
  startCluster,
  startSentinels,
  type TestCluster,
  type TestSentinels,
} from '../support/servers/redis-topologies.js'
import { until } from '../support/until.js'
import type { Address, QueueServer } from './backends.js'
import { aBatch } from './batches.js'
import { QueueBench, SHORT_LOCK_MS } from './bench.js'
import { itAddsAndDelivers } from './contract/contract-delivery.js'
import { itClosesAndHandsBack } from './contract/contract-lifecycle.js'
import { itHonoursPriorities } from './contract/contract-priority.js'
import { itDeliversAgain } from './contract/contract-rejection.js'
import { itLooksUpAndRemoves } from './contract/contract-removal.js'

let certificates: Certificates
beforeAll(() => {
  certificates = makeCertificates()
})
afterAll(() => rmSync(certificates.folder, { recursive: true }))

/** The tests of a block work on one server with a queue of their own each. */
function benchOn(start: () => Promise<QueueServer>): QueueBench {
  const bench = new QueueBench()
  beforeAll(async () => {
    bench.server = await start()
  })
  afterAll(() => bench.server.stop())
  beforeEach(() => bench.beforeEach())
  afterEach(() => bench.afterEach())
  return bench
}

describe.skipIf(!hasRedis())('a queue on Redis with a password', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis({ password: 'p@ss word/:' })
    const client = redisClient(redis.url)
    await client.call('ACL', 'SETUSER', 'queue', 'on', '>user secret', '~*', '&*', '+@all', '-@dangerous', '+info')
    client.disconnect()
  })
  afterAll(() => redis.stop())
  const at = (credentials: string, path = '') => `redis://${credentials}127.0.0.1:${new URL(redis.url).port}${path}`

  test('takes the password, or a user with fewer rights, and the number of a database', async () => {
    const batch = aBatch()
    const queue = await openRedisQueue({ name: 'jobs', url: at(`:${encodeURIComponent('p@ss word/:')}@`, '/2') })
    await queue.add([batch])
    const same = await openRedisQueue({ name: 'jobs', url: at('queue:user%20secret@', '/2') })
    const other = await openRedisQueue({ name: 'jobs', url: at('queue:user%20secret@') })
    expect(await same.state(batch.id)).toBe('waiting')
    expect(await other.state(batch.id)).toBe('absent')
    expect(same.location).toBe(at('', '/2'))
    const delivered: string[] = []
    const onError = () => {}
    await same.consume(async b => void delivered.push(b.id), { concurrency: 1, lockMs: 30_000, onError })
    await until('it is delivered', () => delivered.length === 1)
    for (const opened of [queue, same, other]) await opened.close()
  })

  test.each(['', ':wrong-secret@', 'nobody:wrong-secret@'])('says who is refused: %s', async credentials => {
    const refused = await openRedisQueue({ name: 'jobs', url: at(credentials) }).catch(error => error)
    expect(refused).toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    expect(refused.message).toMatch(/NOAUTH|WRONGPASS/)
    expect(refused.message).not.toContain('wrong-secret')
  })
})

describe.skipIf(!hasRedis())('a queue on Redis with TLS', () => {
  const bench = benchOn(async () => {
    const { ca, cert, key } = certificates
    const redis = await startRedis({ tls: certificates })
    return { ...redis, address: { kind: 'redis', url: redis.url, tls: { ca, cert, key } } }
  })
  const url = () => (bench.server.address as Address & { kind: 'redis' }).url

  itClosesAndHandsBack(bench)

  test('refuses a server whose authority it does not know', async () => {
    const { cert, key } = certificates
    await expect(openRedisQueue({ name: 'jobs', url: url(), tls: { cert, key } })).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringContaining('certificate'),
    })
  })

  test('is refused without a certificate where the server asks for one', async () => {
    const tls = { ca: certificates.ca }
    await expect(openRedisQueue({ name: 'jobs', url: url(), tls })).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
  })

  test('names the setting whose file is missing, or has no use', async () => {
    await expect(openRedisQueue({ name: 'jobs', url: url(), tls: { ca: '/nowhere.pem' } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('REDIS_TLS_CA: expected the path of a PEM file, found "/nowhere.pem"'),
    })
    const plain = url().replace('rediss:', 'redis:')
    await expect(openRedisQueue({ name: 'jobs', url: plain, tls: { ca: certificates.ca } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('rediss://'),
    })
  })
})

describe.skipIf(!hasRedis())('a queue on Redis behind Sentinels', () => {
  let sentinels: TestSentinels
  const bench = benchOn(async () => {
    sentinels = await startSentinels()
    return { ...sentinels, address: { kind: 'redis', url: sentinels.url } }
  })

  itAddsAndDelivers(bench)
  itDeliversAgain(bench)

  test('goes on with the replica when the master is killed, and loses nothing that was replicated', async () => {
    const batches = Array.from({ length: 200 }, () => aBatch())
    const later = Array.from({ length: 20 }, () => aBatch())
    const done = new Set<string>()
    await bench.queue.add(batches)
    const client = redisClient(sentinels.master.url)
    expect(await client.wait(1, 10_000)).toBe(1)
    client.disconnect()
    const consumer = await bench.consume(
      async batch => {
        if (done.size === 50) await sentinels.master.kill()
        done.add(batch.id)
      },
      { lockMs: SHORT_LOCK_MS },
    )
    await until('the replica has taken over', () => isMaster(sentinels.replica.url))
    await addWhenBack(bench, later)
    await until('all are done', () => done.size === batches.length + later.length)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    await consumer.close()
  }, 240_000)

  test('says so when no Sentinel answers, or none knows the master', async () => {
    const nobody = await openRedisQueue({
      name: 'jobs',
      url: 'redis-sentinel://:secret@127.0.0.1:1,127.0.0.1:2/main',
    }).catch(error => error)
    expect(nobody).toMatchObject({ code: 'QUEUE_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1') })
    expect(nobody.message).not.toContain('secret')
    const unknown = openRedisQueue({ name: 'jobs', url: sentinels.url.replace('/queue/', '/another/') })
    await expect(unknown).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
  })
})

/** False as well when the question was cut off: a Sentinel that promotes a replica closes its clients' connections. */
async function isMaster(url: string): Promise<boolean> {
  const client = redisClient(url)
  const [role] = await client.role().catch(() => ['unknown'])
  client.disconnect()
  return role === 'master'
}

const CLUSTERS = [
  { name: 'a Redis Cluster', start: () => startCluster().then(asServer) },
  { name: 'a Redis Cluster with TLS', start: () => startCluster(certificates).then(asServer) },
]

function asServer(cluster: TestCluster): QueueServer & TestCluster {
  const { ca, cert, key } = certificates
  const tls = cluster.url.startsWith('rediss') ? { ca, cert, key } : {}
  return { ...cluster, address: { kind: 'redis', url: cluster.url, tls } }
}

describe.skipIf(!hasRedis()).each(CLUSTERS)('a queue on $name', ({ start }) => {
  const bench = benchOn(start)

  itAddsAndDelivers(bench)
  itDeliversAgain(bench)
  itHonoursPriorities(bench)
  itLooksUpAndRemoves(bench)
  itClosesAndHandsBack(bench)

  test('goes on when the masters were killed and came back', async () => {
    const { masters } = bench.server as QueueServer & TestCluster
    const batches = Array.from({ length: 100 }, () => aBatch())
    const done = new Set<string>()
    await bench.queue.add(batches.slice(0, 80))
    let killed: Promise<unknown> | undefined
    await bench.consume(
      async batch => {
        done.add(batch.id)
        if (done.size > 30) killed ??= Promise.all(masters.map(master => master.kill()))
      },
      { lockMs: SHORT_LOCK_MS },
    )
    await until('the masters are killed', () => killed)
    await expect(bench.queue.add([aBatch()])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await expect(bench.open()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    await Promise.all(masters.map(master => master.restart()))
    await addWhenBack(bench, batches.slice(80))
    await until('all are done', () => done.size === batches.length)
    await bench.settled()
    expect(await bench.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  }, 240_000)
})

describe.skipIf(!hasRedis())('a Redis that drops keys when its memory is full', () => {
  test('is warned about when the queue is opened, and only then', async () => {
    const redis = await startRedis({ parameters: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
    const warnings: string[] = []
    const open = () => openRedisQueue({ name: 'jobs', url: redis.url, onWarning: text => warnings.push(text) })
    await (await open()).close()
    expect(warnings).toEqual([expect.stringMatching(/maxmemory-policy allkeys-lru.*Set maxmemory-policy noeviction/)])
    const client = redisClient(redis.url)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    client.disconnect()
    await (await open()).close()
    expect(warnings).toHaveLength(1)
    await redis.stop()
  })
})

/** As somebody would who is told that the server is away. */
async function addWhenBack(bench: QueueBench, batches: Batch[]): Promise<void> {
  await until('adding works again', async () => {
    const refusal = await bench.queue.add(batches).catch((error: unknown) => error)
    if (refusal !== undefined) expect(refusal).toMatchObject({ code: 'QUEUE_UNREACHABLE' })
    return refusal === undefined
  })
}
