import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COMMAND_FAILURES, PHOTO_FAILURES, REQUEST_FAILURES } from '../../src/domain/errors.js'

const PAGE = readFileSync('docs/reference/errors.md', 'utf8')

test('the page of errors has every code of a photo, and says whether it is retried', () => {
  const documented = [...PAGE.matchAll(/^- (?:<a id="\w+"><\/a>)?\*\*`(\w+)`\*\* \((not )?retried\): /gm)]
  expect(Object.fromEntries(documented.map(([, code, not]) => [code, not === undefined]))).toEqual(
    Object.fromEntries(Object.entries(PHOTO_FAILURES).map(([code, { retryable }]) => [code, retryable])),
  )
})

test('the page of errors has every code that ends a command, with its exit code', () => {
  const documented = [...PAGE.matchAll(/^- (?:<a id="\w+"><\/a>)?\*\*`(\w+)`\*\* \(exit code (\d+)\): /gm)]
  expect(Object.fromEntries(documented.map(([, code, exitCode]) => [code, Number(exitCode)]))).toEqual(
    Object.fromEntries(Object.entries(COMMAND_FAILURES).map(([code, { exitCode }]) => [code, exitCode])),
  )
})

test('the page of errors has every code of the HTTP API, with its status', () => {
  const documented = [...PAGE.matchAll(/^- (?:<a id="\w+"><\/a>)?\*\*`(\w+)`\*\* \(status (\d+)\): /gm)]
  expect(Object.fromEntries(documented.map(([, code, status]) => [code, Number(status)]))).toEqual(
    Object.fromEntries(Object.entries(REQUEST_FAILURES).map(([code, { status }]) => [code, status])),
  )
})

test('each code has one anchor, to which the type of a problem of the HTTP API leads', () => {
  const anchors = [...PAGE.matchAll(/^- <a id="(\w+)"><\/a>\*\*`\1`\*\*/gm)].map(([, code]) => code)
  const codes = [PHOTO_FAILURES, COMMAND_FAILURES, REQUEST_FAILURES].flatMap(table => Object.keys(table))
  expect([...anchors].sort()).toEqual([...new Set(codes)].sort())
})
