import { readFileSync } from 'node:fs'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { AppError } from '../domain/errors.js'
import { SECOND } from '../domain/units.js'
import './redis-flush.js'
import { UnhurriedSentinelConnector, WatchedConnector } from './redis-connector.js'
import type { RedisTarget } from './redis-url.js'

const DEMOTED = /\bREADONLY\b|^UNBLOCKED\b/

const CONNECT_TIMEOUT_MS = 5 * SECOND

/** Paths of PEM files, for `rediss://`. Unset: the authorities that Node trusts, and no client certificate. */
export interface RedisTlsFiles {
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
}

export interface ConnectionPolicy {
  /**
   * Whether to wait for an unreachable server without limit. Otherwise commands reject after a few attempts to connect.
   */
  waitsForServer: boolean
  /** Whether to reconnect. False: a lost connection is final. */
  reconnects?: boolean
  /** Whether to send commands also while the server loads its data. It refuses most of them. */
  whileLoading?: boolean
}

/** Returns the connection options of a process or BullMQ, for targets other than clusters. */
export function redisOptions(target: RedisTarget, tls: TlsOptions | undefined, policy: ConnectionPolicy): RedisOptions {
  const common = { ...nodeOptions(target, tls, policy), retryStrategy: pauseMs(policy) }
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

/** Connects to any target. */
export function connectToRedis(
  target: RedisTarget,
  tls: TlsOptions | undefined,
  policy: ConnectionPolicy,
): Redis | Cluster {
  if (target.topology !== 'cluster') return new Redis({ ...redisOptions(target, tls, policy), lazyConnect: true })
  const options: ClusterOptions = {
    redisOptions: nodeOptions(target, tls, policy),
    clusterRetryStrategy: pauseMs(policy),
    // ioredis queues commands for an unreachable cluster forever, even with a retry limit.
    enableOfflineQueue: policy.waitsForServer,
    lazyConnect: true,
    // Certificates contain the given host name.
    ...(tls && { dnsLookup: (address, found) => found(null, address) }),
  }
  return new Cluster(target.addresses, options)
}

/**
 * Reads the TLS files.
 * @throws AppError CONFIG_INVALID for an unreadable file, or for files without TLS in the target
 */
export function tlsOptions(target: RedisTarget, files: RedisTlsFiles): TlsOptions | undefined {
  const given = Object.entries(files).filter(([, path]) => path !== undefined) as [keyof RedisTlsFiles, string][]
  if (!target.isTls) {
    if (given.length === 0) return undefined
    throw new AppError(
      'CONFIG_INVALID',
      `REDIS_TLS_${given[0]![0].toUpperCase()}: expected a REDIS_URL with TLS (rediss://), found ${target.location}. Correct one of them.`,
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

function nodeOptions(target: RedisTarget, tls: TlsOptions | undefined, policy: ConnectionPolicy) {
  const { waitsForServer, whileLoading = false } = policy
  return {
    username: target.username,
    password: target.password,
    db: target.database,
    tls,
    // IPv4 and IPv6; ioredis resolves only IPv4.
    family: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    Connector: WatchedConnector,
    maxRetriesPerRequest: waitsForServer ? null : 2,
    enableReadyCheck: !whileLoading,
    // A server without room for another client says so in place of the first answer, which should be the caller's.
    disableClientInfo: true,
    // The master has become a replica. Sentinels know the new one, so the command is sent again. An address may lead to
    // it later; until then the command fails.
    reconnectOnError: (error: Error) => DEMOTED.test(error.message) && (target.topology === 'sentinel' ? 2 : 1),
  } satisfies RedisOptions
}

function pauseMs({ reconnects = true }: ConnectionPolicy): (times: number) => number | null {
  return times => (reconnects ? Math.min(times * 100, 2 * SECOND) : null)
}
