import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AppError, COMMAND_FAILURES, type CommandFailureCode, REQUEST_FAILURES } from '../../src/domain/errors.js'
import { answerTo } from '../../src/http/problem.js'

const TESTS = readdirSync('test/http')
  .filter(name => name.endsWith('.test.ts') && !/^(coverage|document)/.test(name))
  .map(name => readFileSync(`test/http/${name}`, 'utf8'))
  .join('\n')

const DOCUMENT = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, { responses: Record<string, object> }>>
}
const ENDPOINTS = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses }]) => ({ name: `${method.toUpperCase()} ${path}`, responses })),
)

test('every endpoint has a test whose title names it', () => {
  const titles = [...TESTS.matchAll(/test\('((?:[^'\\]|\\.)*)'/g)].map(([, title]) => title).join('\n')
  expect(ENDPOINTS.length).toBeGreaterThan(30)
  const hasTest = (name: string) => new RegExp(`${name.replaceAll(/[.{}]/g, '\\$&')}(?![/{\\w])`).test(titles)
  expect(ENDPOINTS.map(({ name }) => name).filter(name => !hasTest(name))).toEqual([])
})

test('every endpoint documents what it answers when all is well, to a wrong request, and when it cannot answer', () => {
  const classes = ENDPOINTS.map(({ name, responses }) => [
    name,
    [...new Set(Object.keys(responses).map(status => status[0]))].filter(first => first !== '3').sort(),
  ])
  expect(classes).toEqual(ENDPOINTS.map(({ name }) => [name, ['2', '4', '5']]))
})

test('every code of a failure has a test', () => {
  const hasOwnStatus = (code: CommandFailureCode) => answerTo(new AppError(code, ''), {}).problem.status !== 500
  const ofCommands = (Object.keys(COMMAND_FAILURES) as CommandFailureCode[]).filter(hasOwnStatus)
  expect(ofCommands.length).toBeGreaterThan(15)
  const codes = [...Object.keys(REQUEST_FAILURES), ...ofCommands, 'INTERNAL_ERROR']
  expect(codes.filter(code => !TESTS.includes(`'${code}'`))).toEqual([])
})
