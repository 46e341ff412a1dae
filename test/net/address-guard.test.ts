import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  AllowList,
  guardedLookup,
  isPublicAddress,
  literalAddress,
  type ResolvedAddress,
} from '../../src/net/address-guard.js'

describe('An address is public', () => {
  test.each(['1.1.1.1', '8.8.8.8', '151.101.1.1', '172.15.255.255', '172.32.0.0', '2606:4700::1111', '2a04:4e42::81'])(
    'when it is %s',
    ip => expect(isPublicAddress(ip)).toBe(true),
  )

  test('when it carries a public IPv4 address to which packets really go', () => {
    expect(isPublicAddress('::ffff:8.8.8.8')).toBe(true)
    expect(isPublicAddress('64:ff9b::8.8.8.8')).toBe(true)
  })
})

describe('An address is not public', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local, where clouds keep credentials'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'mapped loopback'],
    ['::ffff:a9fe:a9fe', 'mapped link-local'],
    ['::ffff:0:127.0.0.1', 'translated'],
    ['64:ff9b::10.0.0.1', 'NAT64 to a private address'],
    ['64:ff9b:1::1', 'NAT64 of the local network'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['fc00::1', 'unique local'],
    ['fd12:3456::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with its interface'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['example.org', 'not an address'],
    ['', 'nothing'],
  ])('%s: %s', ip => expect(isPublicAddress(ip)).toBe(false))

  test('whatever it is, when a private IPv4 address is mapped into IPv6', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.constantFrom('10', '127', '192.168', '169.254'), octet, octet, octet, (prefix, ...rest) => {
        const ip = [prefix, ...rest].join('.').split('.').slice(0, 4).join('.')
        expect(isPublicAddress(ip)).toBe(false)
        expect(isPublicAddress(`::ffff:${ip}`)).toBe(false)
      }),
    )
  })
})

test.each([
  ['http://127.1/', '127.0.0.1'],
  ['http://2130706433/', '127.0.0.1'],
  ['http://0x7f.0.0.1/', '127.0.0.1'],
  ['http://0177.1/', '127.0.0.1'],
  ['http://①②⑦.⓪.⓪.①/', '127.0.0.1'],
  ['http://[::FFFF:127.0.0.1]/', '::ffff:7f00:1'],
  ['http://example.org/', null],
  ['http://1.2.3.4.example.org/', null],
])('The literal address of %s is %s', (url, address) => {
  expect(literalAddress(new URL(url).hostname)).toBe(address)
})

describe('The allow-list', () => {
  test.each([
    ['127.0.0.1:8080', 'http://127.0.0.1:8080/', true],
    ['127.0.0.1:8080', 'http://127.0.0.1:8081/', false],
    ['127.0.0.1:8080', 'http://127.1:8080/', true],
    ['127.0.0.1', 'http://127.0.0.1:1234/', true],
    ['photos.local', 'https://photos.local/a', true],
    ['PHOTOS.local', 'https://photos.local/a', true],
    ['photos.local:80', 'http://photos.local/', true],
    ['photos.local:443', 'https://photos.local/', true],
    ['photos.local:443', 'http://photos.local/', false],
    ['photos.local', 'http://sub.photos.local/', false],
    ['photos.local', 'http://photos.local.example.org/', false],
    ['[::1]:80', 'http://[::1]/', true],
    ['[::1]', 'http://[0:0::1]:99/', true],
    ['localhost', 'http://127.0.0.1/', false],
    ['*', 'http://photos.local/', false],
  ])('with %s lets %s through: %s', (entry, url, expected) => {
    expect(new AllowList([entry]).has(new URL(url))).toBe(expected)
  })

  test.each(['', 'http://photos.local', 'a b', 'host:port', 'host:99999', '::1', 'user@host', 'host/path'])(
    'refuses %j',
    entry => {
      expect(() => new AllowList([entry])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    },
  )
})

describe('A guarded lookup', () => {
  const answers = (...addresses: string[]): ResolvedAddress[] =>
    addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))

  function look(resolve: () => Promise<ResolvedAddress[]>, all: boolean): Promise<unknown> {
    return new Promise((done, fail) =>
      guardedLookup(resolve, isPublicAddress)('photos.example', { all }, (error, address, family) =>
        error ? fail(error) : done(all ? address : { address, family }),
      ),
    )
  }

  test('gives the addresses that it has checked', async () => {
    const addresses = answers('1.1.1.1', '2606:4700::1111')
    expect(await look(async () => addresses, true)).toEqual(addresses)
    expect(await look(async () => addresses, false)).toEqual({ address: '1.1.1.1', family: 4 })
  })

  test('refuses a name of which any address is not public', async () => {
    await expect(look(async () => answers('1.1.1.1', '127.0.0.1'), true)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
      message: expect.stringContaining('photos.example is at 127.0.0.1'),
    })
  })

  test('asks once, so that a second answer cannot differ from the one that was checked', async () => {
    const given = [answers('1.1.1.1'), answers('127.0.0.1')]
    expect(await look(async () => given.shift()!, true)).toEqual(answers('1.1.1.1'))
    expect(given).toHaveLength(1)
  })

  test('fails when there is no address', async () => {
    await expect(look(async () => [], true)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })
})
