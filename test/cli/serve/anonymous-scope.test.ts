import { expect, test } from 'vitest'
import { anonymousScope } from '../../../src/cli/serve/serve-command.js'

const LOCAL = '127.0.0.1'
const REACHED = '0.0.0.0'

test.each([
  [LOCAL, false, true, false, 'admin'],
  [LOCAL, false, true, true, null],
  [LOCAL, false, false, true, 'admin'],
  [LOCAL, true, true, true, 'read'],
  ['::1', false, true, false, 'admin'],
  [REACHED, true, true, false, 'read'],
  [REACHED, false, true, true, null],
] as const)(
  'on %s, public read %s, keys %s, with a key %s: without a key %s',
  (host, publicRead, keys, hasKeys, may) => {
    expect(anonymousScope({ host, publicRead, keys }, hasKeys)).toBe(may)
  },
)

test.each([
  [REACHED, false, true, false, 'Create one'],
  ['127.evil.example', false, true, false, 'Create one'],
  [REACHED, false, false, true, '--no-keys'],
  [LOCAL, true, false, true, '--no-keys'],
] as const)('refuses %s, public read %s, keys %s, with a key %s', (host, publicRead, keys, hasKeys, why) => {
  expect(() => anonymousScope({ host, publicRead, keys }, hasKeys)).toThrow(why)
})
