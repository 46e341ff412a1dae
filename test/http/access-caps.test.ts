import { expect, test } from 'vitest'
import { type ApiKey, newApiKey } from '../../src/domain/api-key.js'
import { KeyRing } from '../../src/http/access/key-ring.js'
import { Sessions } from '../../src/http/access/sessions.js'

const ignore = () => {}

test('a hundred keys wait for the database at most; the next one is refused at once', async () => {
  let asked = 0
  const store = {
    find: () => {
      asked++
      return new Promise<never>(ignore)
    },
    used: async () => {},
  }
  const ring = new KeyRing(store, 1000, ignore)
  const check = () => ring.check(newApiKey().key, '10.0.0.1')
  for (let i = 0; i < 102; i++) check().catch(ignore)
  await expect(check()).rejects.toMatchObject({ code: 'OVERLOADED', findings: { retryAfterSeconds: 1 } })
  expect(asked).toBe(2)
})

test('an address may send as many wrong keys per minute as the server was started with', async () => {
  const ring = new KeyRing({ find: async () => null, used: async () => {} }, 3, ignore)
  const codes: unknown[] = []
  for (let i = 0; i < 5; i++) await ring.check(newApiKey().key, '10.0.0.1').catch(error => codes.push(error.code))
  expect(codes).toEqual([...Array(3).fill('KEY_INVALID'), ...Array(2).fill('RATE_LIMITED')])
  await expect(ring.check(newApiKey().key, '10.0.0.2')).rejects.toMatchObject({ code: 'KEY_INVALID' })
})

test('a thousand sessions are open at once: the oldest gives way, whosever it is', async () => {
  const keyOf = (id: string): ApiKey => ({
    id,
    name: id,
    scope: 'read',
    createdAt: new Date(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  })
  let count = 0
  const ring = new KeyRing(
    { find: async () => keyOf(`key-${Math.floor(count / 20)}`), used: async () => {} },
    20,
    ignore,
  )
  const sessions = new Sessions(ring)
  const tokens: string[] = []
  for (; count <= 1000; count++) tokens.push((await sessions.open(newApiKey().key, '10.0.0.1')).token)
  expect(await sessions.keyOf(tokens[0]!)).toBeNull()
  expect(await sessions.keyOf(tokens[1]!)).not.toBeNull()
  expect(await sessions.keyOf(tokens[1000]!)).not.toBeNull()
})
