import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../until.js'
import type { Certificates } from './certificates.js'
import { freePort } from './free-port.js'
import { launch, type RedisServer, redisClient, startRedis, type TestRedis } from './redis.js'

const PASSWORD = 'server-password'
const SENTINEL_PASSWORD = 'sentinel-password'
const SLOTS = 16384

export interface TestSentinels extends RedisServer {
  /** The master of the beginning, which the replica takes over from. */
  master: TestRedis
  replica: TestRedis
}

/** A master, a replica, and three Sentinels that let the replica take over once the master is silent for a second. */
export async function startSentinels(): Promise<TestSentinels> {
  const master = await startRedis({ password: PASSWORD })
  const { port } = new URL(master.url)
  const replica = await startRedis({ password: PASSWORD, parameters: ['--replicaof', '127.0.0.1', port] })
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startSentinel(port)))
  await until('the replica is in step', () => tells(replica.url, 'replication', /master_link_status:up/))
  for (const { url } of sentinels)
    await until('the Sentinels know each other and the replica', () =>
      tells(url, 'sentinel', /status=ok.*slaves=1,sentinels=3/),
    )
  const hosts = sentinels.map(({ url }) => new URL(url).host).join(',')
  return {
    url: `redis-sentinel://:${PASSWORD}@${hosts}/queue/1?sentinelPassword=${SENTINEL_PASSWORD}`,
    master,
    replica,
    async stop() {
      await Promise.all([...sentinels, master, replica].map(server => server.stop()))
    },
  }
}

async function startSentinel(masterPort: string): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  const settings = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `requirepass ${SENTINEL_PASSWORD}`,
    `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
    `sentinel monitor queue 127.0.0.1 ${masterPort} 2`,
    `sentinel auth-pass queue ${PASSWORD}`,
    'sentinel down-after-milliseconds queue 1000',
    'sentinel failover-timeout queue 5000',
  ]
  await writeFile(file, `${settings.join('\n')}\n`)
  const url = `redis://:${SENTINEL_PASSWORD}@127.0.0.1:${port}`
  const server = await launch([file, '--sentinel'], url)
  return {
    url,
    async stop() {
      server.kill('SIGKILL')
      await once(server, 'exit')
      await rm(folder, { recursive: true })
    },
  }
}

async function tells(url: string, section: string, expected: RegExp): Promise<boolean> {
  const client = redisClient(url)
  try {
    return expected.test(await client.info(section))
  } finally {
    client.disconnect()
  }
}

export interface TestCluster extends RedisServer {
  masters: TestRedis[]
}

/** Three masters without replicas. A master that was killed may come back; meanwhile its slots are nobody's. */
export async function startCluster(tls?: Certificates): Promise<TestCluster> {
  const parameters = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const masters = await Promise.all(
    Array.from({ length: 3 }, async () => startRedis({ ...(tls && { tls }), port: await clusterPort(), parameters })),
  )
  const ports = masters.map(({ url }) => Number(new URL(url).port))
  const clients = masters.map(({ url }) => redisClient(url, tls))
  for (const [i, client] of clients.entries()) {
    const [from, to] = [i, i + 1].map(n => Math.floor((n * SLOTS) / masters.length))
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from!, to! - 1)
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
  }
  for (const port of ports.slice(1)) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', port)
  for (const client of clients) {
    await until('the cluster is whole', async () => {
      const info = String(await client.call('CLUSTER', 'INFO'))
      return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info)
    })
    client.disconnect()
  }
  return {
    url: `${tls ? 'rediss' : 'redis'}-cluster://${ports.map(port => `127.0.0.1:${port}`).join(',')}`,
    masters,
    async stop() {
      await Promise.all(masters.map(master => master.stop()))
    },
  }
}

/** The nodes talk to each other on a port that is higher by 10,000. */
async function clusterPort(): Promise<number> {
  return until('a port below 55,000', async () => {
    const port = await freePort()
    return port < 55_000 ? port : null
  })
}
