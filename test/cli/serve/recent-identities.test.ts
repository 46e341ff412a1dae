import { expect, test } from 'vitest'
import { RecentIdentities } from '../../../src/cli/serve/recent-identities.js'
import { aModel } from '../../db/factories.js'

test('the identity of a model is read once for the searches of two seconds, by model, and again after a failure', async () => {
  let now = 0
  const read: string[] = []
  const identities = new RecentIdentities(
    async key => {
      read.push(key)
      if (key === 'gone') throw new Error('no files')
      return aModel({ revision: String(read.length) })
    },
    () => now,
  )
  const [first, second] = await Promise.all([identities.of('a'), identities.of('a')])
  expect(first).toBe(second)
  await identities.of('b')
  now = 1999
  expect((await identities.of('a')).revision).toBe('1')
  now = 2000
  expect((await identities.of('a')).revision).toBe('3')
  for (let i = 0; i < 2; i++) await expect(identities.of('gone')).rejects.toThrow('no files')
  expect(read).toEqual(['a', 'b', 'a', 'gone', 'gone'])
})
