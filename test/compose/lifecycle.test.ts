import { describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/compose/lifecycle.js'

describe('a lifecycle', () => {
  test('opens a part once per name, also when it is asked for again while it opens', async () => {
    const lifecycle = new Lifecycle()
    let opened = 0
    const open = async () => ++opened
    expect(
      await Promise.all([lifecycle.once('a', open), lifecycle.once('a', open), lifecycle.once('b', open)]),
    ).toEqual([1, 1, 2])
  })

  test('tries a part again that could not be opened', async () => {
    const lifecycle = new Lifecycle()
    await expect(lifecycle.once('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
    expect(await lifecycle.once('a', async () => 'there')).toBe('there')
  })

  test('closes in reverse order and waits for each part', async () => {
    const lifecycle = new Lifecycle()
    const closed: string[] = []
    for (const name of ['database', 'queue', 'store'])
      lifecycle.onClose(async () => {
        await Promise.resolve()
        closed.push(name)
      })
    await lifecycle.close()
    expect(closed).toEqual(['store', 'queue', 'database'])
    await lifecycle.close()
    expect(closed).toHaveLength(3)
  })

  test('closes every part when some cannot be closed, and tells all errors', async () => {
    const lifecycle = new Lifecycle()
    const closed: string[] = []
    lifecycle.onClose(() => closed.push('database'))
    lifecycle.onClose(() => Promise.reject(new Error('the queue hangs')))
    lifecycle.onClose(() => closed.push('store'))
    lifecycle.onClose(() => {
      throw new Error('the encoder is busy')
    })
    const error = await lifecycle.close().catch((reason: unknown) => reason)
    expect(closed).toEqual(['store', 'database'])
    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors).toMatchObject([
      { message: 'the encoder is busy' },
      { message: 'the queue hangs' },
    ])
    expect((error as AggregateError).message).toContain('the encoder is busy; Error: the queue hangs')
  })

  test('closes a part, too, that opens while others are closed', async () => {
    const lifecycle = new Lifecycle()
    const closed: string[] = []
    lifecycle.onClose(() => lifecycle.onClose(() => closed.push('late')))
    await lifecycle.close()
    expect(closed).toEqual(['late'])
  })
})
