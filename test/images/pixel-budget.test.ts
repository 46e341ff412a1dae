import { expect, test } from 'vitest'
import { PixelBudget } from '../../src/images/pixel-budget.js'
import { deferred } from '../support/deferred.js'

function running(budget: PixelBudget, pixels: number) {
  const gate = deferred<void>()
  const state = { started: false, end: () => gate.resolve(), done: Promise.resolve() }
  state.done = budget.spend(pixels, async () => {
    state.started = true
    await gate.promise
  })
  return state
}

const settled = () => new Promise(resolve => setImmediate(resolve))

test('Images are decoded side by side as long as their pixels fit', async () => {
  const budget = new PixelBudget(100)
  const [a, b, c] = [running(budget, 60), running(budget, 40), running(budget, 1)]
  expect([a.started, b.started, c.started]).toEqual([true, true, false])
  b.end()
  await settled()
  expect(c.started).toBe(true)
  a.end()
  c.end()
  await Promise.all([a.done, b.done, c.done])
})

test('One that is larger than all there is goes alone, and is not overtaken', async () => {
  const budget = new PixelBudget(100)
  const [small, huge, next] = [running(budget, 10), running(budget, 500), running(budget, 10)]
  expect([huge.started, next.started]).toEqual([false, false])
  small.end()
  await settled()
  expect([huge.started, next.started]).toEqual([true, false])
  huge.end()
  await settled()
  expect(next.started).toBe(true)
  next.end()
  await next.done
})

test('One that fails gives its pixels back', async () => {
  const budget = new PixelBudget(100)
  await expect(budget.spend(100, () => Promise.reject(new Error('damaged')))).rejects.toThrow('damaged')
  expect(await budget.spend(100, async () => 'next')).toBe('next')
})
