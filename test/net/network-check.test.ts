import { describe, expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import { openLookup, systemResolve } from '../../src/net/address-guard.js'
import {
  type NameAnswer,
  NetworkCheck,
  type NetworkSystem,
  suspectsNetwork,
  systemNetwork,
} from '../../src/net/network-check.js'
import { fetcher, ok, serve } from '../support/fetching.js'
import { freePort } from '../support/servers/free-port.js'

const lookup = openLookup(systemResolve)
const refusing = (code: string) => async () => {
  throw Object.assign(new Error(code), { code })
}

/** A machine with a line; the changes take parts of it away. */
function check(changes: Partial<NetworkSystem>): NetworkCheck {
  return new NetworkCheck({
    resolve: async () => [{ address: '198.51.100.1', family: 4 }],
    askNameServers: async () => 'known',
    hasRoute: async () => true,
    connects: async () => false,
    ...changes,
  })
}

const offline = {
  resolve: refusing('EAI_AGAIN'),
  askNameServers: async (): Promise<NameAnswer> => 'none',
  hasRoute: async () => false,
}

describe('There is no network when', () => {
  test.each<[string, Partial<NetworkSystem>]>([
    ['no name server answers', { resolve: refusing('EAI_AGAIN'), askNameServers: async () => 'none' }],
    [
      'the system knows no name, as macOS says it, and no name server answers',
      { ...offline, resolve: refusing('ENOTFOUND') },
    ],
    [
      'a local name server refuses, and there is no default route',
      { ...offline, askNameServers: async () => 'refused' },
    ],
    ['the name is known from before, and no route leads there', { hasRoute: async () => false }],
  ])('%s', async (_name, changes) => {
    const network = check(changes)
    network.failed(new URL('https://photos.example/1'))
    await expect(network.check()).rejects.toThrow(/no network.*photos\.example/)
  })

  test('none of several hosts that served images is reached, although names resolve', async () => {
    const network = check({})
    for (const name of ['a', 'b']) network.answered(new URL(`https://${name}.example/`), lookup)
    network.failed(new URL('https://a.example/1'))
    await expect(network.check()).rejects.toThrow('none of a.example, b.example can be reached')
  })
})

describe('One host is dead, and the network is there, when', () => {
  test.each<[string, Partial<NetworkSystem>]>([
    ['its name resolves and a route leads to it, also if it is the only host', {}],
    ['the name servers know no such name', { ...offline, askNameServers: async () => 'known' }],
    [
      'its domain is broken, and there is a default route',
      { ...offline, askNameServers: async () => 'refused', hasRoute: async () => true },
    ],
  ])('%s', async (_name, changes) => {
    const network = check(changes)
    network.failed(new URL('https://photos.example/1'))
    await network.check()
  })

  test('a host that served images is still reached, also one on this machine', async () => {
    const network = check({ ...offline, connects: async url => url.hostname === '127.0.0.1' })
    network.answered(new URL('http://127.0.0.1:8080/'), lookup)
    network.answered(new URL('https://other.example/'), lookup)
    network.failed(new URL('https://photos.example/1'))
    await network.check()
  })

  test('nothing has failed', async () => {
    await check(offline).check()
  })
})

test.each([
  ['EAI_AGAIN', true],
  ['ENOTFOUND', true],
  ['ENETUNREACH', true],
  ['EHOSTUNREACH', true],
  ['UND_ERR_CONNECT_TIMEOUT', true],
  ['ECONNREFUSED', false],
  ['ECONNRESET', false],
  ['', false],
])('the failure %s makes it look: %s', (code, expected) => {
  const cause = Object.assign(new Error('no'), { code })
  expect(suspectsNetwork(new PhotoError('CONNECTION_FAILED', 'failed', { cause }))).toBe(expected)
})

test('a fetcher remembers hosts that answer and hosts that are not reached', async () => {
  const server = await serve(ok)
  const asked: string[] = []
  const network = {
    ...systemNetwork,
    connects: async (url: URL) => {
      asked.push(url.host)
      return false
    },
    hasRoute: async () => false,
  }
  const resolve = refusing('EAI_AGAIN')
  const polite = fetcher({ resolve, network: { ...network, askNameServers: async () => 'none' } })
  await polite.checkNetwork()
  await polite.get(server.origin)
  await expect(polite.get('http://photos.example/')).rejects.toMatchObject({ code: 'DNS_FAILED' })
  await expect(polite.checkNetwork()).rejects.toThrow('no network')
  expect(asked).toEqual([server.host])
})

describe('This machine', () => {
  test('has a route to itself', async () => {
    expect(await systemNetwork.hasRoute('127.0.0.1')).toBe(true)
  })

  test('is connected to a port where somebody listens, and learns that nobody does: both are answers', async () => {
    const server = await serve(ok)
    expect(await systemNetwork.connects(new URL(server.origin), lookup)).toBe(true)
    expect(await systemNetwork.connects(new URL(`http://127.0.0.1:${await freePort()}`), lookup)).toBe(true)
  })
})
