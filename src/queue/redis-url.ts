export interface RedisAddress {
  host: string
  port: number
}

/** Address and credentials of a Redis or Valkey. */
export interface RedisTarget {
  topology: 'single' | 'sentinel' | 'cluster'
  /** The server, the Sentinels, or some nodes of the cluster, which know the others. */
  addresses: RedisAddress[]
  /** Name of the master that the Sentinels watch. */
  masterName: string | undefined
  database: number
  isTls: boolean
  username: string | undefined
  password: string | undefined
  sentinelUsername: string | undefined
  sentinelPassword: string | undefined
  /** For display, without credentials. */
  location: string
}

export const REDIS_URL_FORMS =
  'redis://user:password@host:6379/0, redis-sentinel://user:password@host1:26379,host2:26379/master-name/0 or ' +
  'redis-cluster://user:password@host1:7000,host2:7000; with TLS rediss://, rediss-sentinel://, rediss-cluster://'

const TOPOLOGIES: Record<string, RedisTarget['topology']> = {
  redis: 'single',
  'redis-sentinel': 'sentinel',
  'redis-cluster': 'cluster',
}
const DEFAULT_PORTS: Record<RedisTarget['topology'], number> = { single: 6379, sentinel: 26379, cluster: 6379 }
const PARTS = /^([a-z-]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(\?[^#]*)?$/
const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i
const DATABASE = /^\d{1,5}$/
const SENTINEL_PARAMETERS = ['sentinelUsername', 'sentinelPassword']

/**
 * Parses REDIS_URL: see {@link REDIS_URL_FORMS}. User and password are percent-encoded, as in any URL; those of the
 * Sentinels are the parameters `sentinelUsername` and `sentinelPassword`.
 * @throws Error with the problem; its message repeats no part that may be secret
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [, scheme, credentials, hosts, path = '', query = ''] = PARTS.exec(url) ?? []
  const isTls = scheme?.startsWith('rediss') ?? false
  const topology = TOPOLOGIES[scheme?.replace(/^rediss/, 'redis') ?? '']
  if (scheme === undefined || topology === undefined)
    throw new Error(
      'it does not start with redis, rediss or one of their forms for Sentinel and Cluster, or has stray characters',
    )
  const addresses = hosts!.split(',').map(host => parseAddress(host, DEFAULT_PORTS[topology]))
  if (topology === 'single' && addresses.length > 1)
    throw new Error('several hosts need redis-sentinel:// or redis-cluster://')
  return {
    topology,
    addresses,
    ...parsePath(path, topology),
    isTls,
    ...parseCredentials(credentials),
    ...parseQuery(query, topology),
    location: `${scheme}://${addresses.map(shownAddress).join(',')}${path.replace(/\/$/, '')}`,
  }
}

function parseAddress(text: string, defaultPort: number): RedisAddress {
  const [, v6, name, port = String(defaultPort)] = ADDRESS.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined) throw new Error('a host is missing or has invalid characters')
  if (Number(port) < 1 || Number(port) > 65535) throw new Error('a port is not between 1 and 65535')
  return { host, port: Number(port) }
}

function parsePath(path: string, topology: RedisTarget['topology']): Pick<RedisTarget, 'masterName' | 'database'> {
  const parts = path.split('/').slice(1)
  if (parts.at(-1) === '') parts.pop()
  const masterName = topology === 'sentinel' ? parts.shift() : undefined
  if (topology === 'sentinel' && !masterName)
    throw new Error('the name of the master is missing after the Sentinels: /name')
  const [database = '0', ...rest] = parts
  if (!DATABASE.test(database) || rest.length > 0) throw new Error('the path is not the number of a database')
  if (topology === 'cluster' && database !== '0') throw new Error('a cluster has only database 0')
  return { masterName: masterName === undefined ? undefined : decoded(masterName), database: Number(database) }
}

function parseCredentials(text: string | undefined): Pick<RedisTarget, 'username' | 'password'> {
  if (!text) return { username: undefined, password: undefined }
  const [username, ...password] = text.split(':')
  if (password.length !== 1 || password[0] === '')
    throw new Error('the part before the @ must be user:password or :password, with other characters percent-encoded')
  return { username: decoded(username!) || undefined, password: decoded(password[0]!) }
}

function parseQuery(
  query: string,
  topology: RedisTarget['topology'],
): Pick<RedisTarget, 'sentinelUsername' | 'sentinelPassword'> {
  const parameters = new URLSearchParams(query)
  const allowed = topology === 'sentinel' ? SENTINEL_PARAMETERS : []
  if ([...parameters.keys()].some(name => !allowed.includes(name)))
    throw new Error(`the only parameters are ${SENTINEL_PARAMETERS.join(' and ')}, of redis-sentinel://`)
  return {
    sentinelUsername: parameters.get('sentinelUsername') ?? undefined,
    sentinelPassword: parameters.get('sentinelPassword') ?? undefined,
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('a % is not followed by two hexadecimal digits')
  }
}

function shownAddress({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
