import { readFileSync } from 'node:fs'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { AppError } from '../domain/errors.js'
import { UnhurriedSentinelConnector, WatchedConnector } from './redis-connector.js'
import type { RedisTarget } from './redis-url.js'

const SECOND = 1000
const CONNECT_TIMEOUT_MS = 5 * SECOND

/** Paths of PEM files, for `rediss://`. Unset: the authorities that Node trusts, and no certificate of one's own. */
export interface RedisTlsFiles {
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
}

export interface RedisManners {
  /** Waits for a server that is away, however long; otherwise commands reject after a few tries to connect. */
  isPatient: boolean
  /** Makes a lost connection final. */
  reconnects?: boolean
}

/** Options for the connections of one process, or of BullMQ, to a target that is no cluster. */
export function redisOptions(target: RedisTarget, tls: TlsOptions | undefined, manners: RedisManners): RedisOptions {
  const common = { ...nodeOptions(target, tls, manners), retryStrategy: pauseMs(manners) }
  const [first] = target.addresses
  if (target.topology === 'single') return { ...common, host: first!.host, port: first!.port }
  return {
    ...common,
    Connector: UnhurriedSentinelConnector,
    sentinels: target.addresses,
    name: target.masterName!,
    sentinelUsername: target.sentinelUsername,
    sentinelPassword: target.sentinelPassword,
    sentinelRetryStrategy: () => null,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  }
}

/** A connection of one's own, to whatever the target is. */
export function connectToRedis(
  target: RedisTarget,
  tls: TlsOptions | undefined,
  manners: RedisManners,
): Redis | Cluster {
  if (target.topology !== 'cluster') return new Redis({ ...redisOptions(target, tls, manners), lazyConnect: true })
  const options: ClusterOptions = {
    redisOptions: nodeOptions(target, tls, manners),
    clusterRetryStrategy: pauseMs(manners),
    // ioredis keeps commands for a cluster that is away for ever, also where it is told to give up.
    enableOfflineQueue: manners.isPatient,
    lazyConnect: true,
    // The name that was given is the one that certificates are about.
    ...(tls && { dnsLookup: (address, found) => found(null, address) }),
  }
  return new Cluster(target.addresses, options)
}

/** @throws AppError CONFIG_INVALID when a file cannot be read, or there is one although the target is without TLS */
export function tlsOptions(target: RedisTarget, files: RedisTlsFiles): TlsOptions | undefined {
  const given = Object.entries(files).filter(([, path]) => path !== undefined) as [keyof RedisTlsFiles, string][]
  if (!target.isTls) {
    if (given.length === 0) return undefined
    throw new AppError(
      'CONFIG_INVALID',
      `REDIS_TLS_${given[0]![0].toUpperCase()}: expected a REDIS_URL with TLS (rediss://) beside it, found ${target.location}. Correct one of them.`,
    )
  }
  return Object.fromEntries(given.map(([what, path]) => [what, readPem(`REDIS_TLS_${what.toUpperCase()}`, path)]))
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new AppError(
      'CONFIG_INVALID',
      `${setting}: expected the path of a PEM file, found ${JSON.stringify(path)}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

function nodeOptions(target: RedisTarget, tls: TlsOptions | undefined, { isPatient }: RedisManners) {
  return {
    username: target.username,
    password: target.password,
    db: target.database,
    tls,
    // Both kinds of addresses; ioredis asks for IPv4 alone.
    family: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    Connector: WatchedConnector,
    maxRetriesPerRequest: isPatient ? null : 2,
    // A master that has become a replica: ask for the new one, and send the command again.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
  } satisfies RedisOptions
}

function pauseMs({ reconnects = true }: RedisManners): (times: number) => number | null {
  return times => (reconnects ? Math.min(times * 100, 2 * SECOND) : null)
}
