import { getEventListeners } from 'node:events'
import { setImmediate as tick } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { anySignal } from '../../../src/domain/signals/any-signal.js'

test('the first of several aborts it, with its reason', () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const either = anySignal([first.signal, undefined, second.signal])
  expect(either.aborted).toBe(false)
  second.abort(new Error('enough'))
  first.abort(new Error('late'))
  expect(either.reason).toEqual(new Error('enough'))
  expect(anySignal([first.signal]).reason).toEqual(new Error('late'))
})

test('nothing of it stays on a signal that lives longer, whatever the number', async () => {
  const whole = new AbortController()
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  const many = Array.from({ length: 100 }, () => anySignal([whole.signal, new AbortController().signal]))
  expect(getEventListeners(whole.signal, 'abort')).toHaveLength(100)
  for (const each of many) each.clear()
  expect(getEventListeners(whole.signal, 'abort')).toHaveLength(0)
  await tick()
  process.off('warning', note)
  expect(warnings).toEqual([])
})
