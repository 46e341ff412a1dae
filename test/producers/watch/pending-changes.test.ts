import { expect, test } from 'vitest'
import { PendingChanges } from '../../../src/producers/watch/pending-changes.js'

test('a path is ready when nothing has happened to it for a while, whatever happens to others', () => {
  const changes = new PendingChanges(1000)
  changes.add('/a', 0)
  changes.add('/b', 0)
  changes.add('/a', 900)
  expect(changes.take(999)).toEqual([])
  expect(changes.take(1500)).toEqual(['/b'])
  expect(changes.take(1900)).toEqual(['/a'])
  expect(changes.size).toBe(0)
})
