import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COMMAND_FAILURES, PHOTO_FAILURES } from '../../src/domain/errors.js'

const PAGE = readFileSync('docs/reference/errors.md', 'utf8')

test('the page of errors has every code of a photo, and says whether it is retried', () => {
  const documented = [...PAGE.matchAll(/^- \*\*`(\w+)`\*\* \((not )?retried\): /gm)]
  expect(Object.fromEntries(documented.map(([, code, not]) => [code, not === undefined]))).toEqual(
    Object.fromEntries(Object.entries(PHOTO_FAILURES).map(([code, { retryable }]) => [code, retryable])),
  )
})

test('the page of errors has every code that ends a command, with its exit code', () => {
  const documented = [...PAGE.matchAll(/^- \*\*`(\w+)`\*\* \(exit code (\d+)\): /gm)]
  expect(Object.fromEntries(documented.map(([, code, exitCode]) => [code, Number(exitCode)]))).toEqual(
    Object.fromEntries(Object.entries(COMMAND_FAILURES).map(([code, { exitCode }]) => [code, exitCode])),
  )
})
