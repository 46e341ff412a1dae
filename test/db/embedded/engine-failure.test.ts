import { expect, test } from 'vitest'
import { textOfFailure } from '../../../src/db/embedded/engine-failure.js'
import { AppError } from '../../../src/domain/errors.js'

test('what the file system of the engine throws is said in words', () => {
  const thrown = (errno: number) => Object.assign(Object.create(null), { name: 'ErrnoError', errno })
  expect(textOfFailure(thrown(51))).toBe('The engine cannot use its files: no space is left on the disk (ENOSPC).')
  expect(textOfFailure(thrown(7))).toContain('errno: 7')
})

test('other failures keep what they say', () => {
  expect(textOfFailure(new AppError('USAGE', 'as expected'))).toBe('as expected')
  expect(textOfFailure(new TypeError('no such thing'))).toMatch(/^TypeError: no such thing\n +at /)
  expect(textOfFailure('aborted')).toBe("'aborted'")
})
