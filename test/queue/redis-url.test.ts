import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.js'
import { parseRedisUrl, REDIS_URL_FORMS } from '../../src/queue/redis-url.js'

const PLAIN = {
  topology: 'single',
  masterName: undefined,
  database: 0,
  isTls: false,
  username: undefined,
  password: undefined,
  sentinelUsername: undefined,
  sentinelPassword: undefined,
}

describe('REDIS_URL', () => {
  test.each([
    ['redis://cache', { addresses: [{ host: 'cache', port: 6379 }], location: 'redis://cache:6379' }],
    ['redis://[::1]:7777/', { addresses: [{ host: '::1', port: 7777 }], location: 'redis://[::1]:7777' }],
    [
      'redis://:p%40ss%2F%3A@10.0.0.1:6380/3',
      {
        addresses: [{ host: '10.0.0.1', port: 6380 }],
        password: 'p@ss/:',
        database: 3,
        location: 'redis://10.0.0.1:6380/3',
      },
    ],
    [
      'rediss://queue:secret@cache.example',
      {
        addresses: [{ host: 'cache.example', port: 6379 }],
        isTls: true,
        username: 'queue',
        password: 'secret',
        location: 'rediss://cache.example:6379',
      },
    ],
    [
      'redis-sentinel://queue:secret@s1,s2:26380/main/2?sentinelUsername=watch&sentinelPassword=d%26g',
      {
        topology: 'sentinel',
        addresses: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 26380 },
        ],
        masterName: 'main',
        database: 2,
        username: 'queue',
        password: 'secret',
        sentinelUsername: 'watch',
        sentinelPassword: 'd&g',
        location: 'redis-sentinel://s1:26379,s2:26380/main/2',
      },
    ],
    [
      'rediss-sentinel://s1/main',
      {
        topology: 'sentinel',
        addresses: [{ host: 's1', port: 26379 }],
        masterName: 'main',
        isTls: true,
        location: 'rediss-sentinel://s1:26379/main',
      },
    ],
    [
      'rediss-cluster://:secret@n1:7000,n2:7001',
      {
        topology: 'cluster',
        addresses: [
          { host: 'n1', port: 7000 },
          { host: 'n2', port: 7001 },
        ],
        isTls: true,
        password: 'secret',
        location: 'rediss-cluster://n1:7000,n2:7001',
      },
    ],
  ])('%s', (url, expected) => {
    expect(parseRedisUrl(url)).toEqual({ ...PLAIN, ...expected })
    expect(readConfig({ REDIS_URL: url }).REDIS_URL).toBe(url)
  })

  test.each([
    ['http://host', 'does not start with redis'],
    ['redis:host', 'does not start with redis'],
    ['redis://', 'a host is missing'],
    ['redis://ho st', 'a host is missing'],
    ['redis://hunter2@@host', 'does not start with redis'],
    ['redis://hunter2@host', 'user:password'],
    ['redis://user:@host', 'user:password'],
    ['redis://:hunter2%zz@host', 'hexadecimal'],
    ['redis://:hunter2@host:66666', 'a port'],
    ['redis://:hunter2@a,b', 'several hosts'],
    ['redis://:hunter2@host/first', 'number of a database'],
    ['redis://:hunter2@host?family=6', 'only parameters'],
    ['redis-sentinel://:hunter2@s1,s2', 'name of the master'],
    ['redis-sentinel://s1/main/0?password=hunter2', 'only parameters'],
    ['redis-sentinel://s1/main/0/1', 'number of a database'],
    ['redis-cluster://:hunter2@n1,n2/1', 'only database 0'],
    ['redis-cluster://n1,,n2', 'a host is missing'],
  ])('%s is refused with the reason and without the password', (url, reason) => {
    const read = () => readConfig({ REDIS_URL: url })
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(read).toThrow(`REDIS_URL: expected ${REDIS_URL_FORMS}, found`)
    expect(read).toThrow(reason)
    expect(read).not.toThrow('hunter2')
  })
})
