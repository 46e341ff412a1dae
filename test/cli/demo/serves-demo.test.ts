import { expect, test } from 'vitest'
import { servesDemo } from '../../../src/cli/demo/serve-demo.js'

const TERMINAL = { isTTY: true }

test('the demo ends by serving its page only where somebody looks at a terminal', () => {
  expect(servesDemo({ serve: true }, TERMINAL, {})).toBe(true)
  expect(servesDemo({ serve: false }, TERMINAL, {})).toBe(false)
  expect(servesDemo({ serve: true, json: true }, TERMINAL, {})).toBe(false)
  expect(servesDemo({ serve: true }, {}, {})).toBe(false)
  expect(servesDemo({ serve: true }, TERMINAL, { CI: 'true' })).toBe(false)
})
