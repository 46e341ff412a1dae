import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError, COMMAND_FAILURES, type CommandFailureCode } from '../../src/domain/errors.js'
import type { HttpApp } from '../../src/http/http-app.js'
import { buildHttpApp } from '../../src/http/server.js'
import { bareParts } from './bare-parts.js'
import { LIMITS } from './support.js'

/** Failures that the client can change, or that pass. All others are answered with 500. */
const STATUSES: [status: number, codes: CommandFailureCode[]][] = [
  [422, ['USAGE', 'FILTER_INVALID', 'INPUT_INVALID', 'MODEL_WITHOUT_TEXT']],
  [404, ['MODEL_UNKNOWN', 'NOT_FOUND']],
  [409, ['NOT_EMBEDDED', 'PROMPT_NOT_EMBEDDED', 'REFERENCES_MISSING', 'CUT_OFF_MISSING', 'RUN_CANCELLED']],
  [503, ['DATABASE_UNREACHABLE', 'DATABASE_UNAVAILABLE', 'DATABASE_TIMEOUT', 'DATABASE_BUSY']],
  [503, ['QUEUE_UNREACHABLE', 'QUEUE_FULL', 'STORE_UNREACHABLE', 'MODEL_DOWNLOAD_FAILED', 'INTERRUPTED']],
]
const EXPECTED = (Object.keys(COMMAND_FAILURES) as CommandFailureCode[]).map(
  code => [code, STATUSES.find(([, codes]) => codes.includes(code))?.[0] ?? 500] as const,
)

let failure: Error
let owner: HttpApp
let reader: HttpApp

beforeAll(async () => {
  const fail = async () => {
    throw failure
  }
  const start = (anonymous: 'admin' | 'read') =>
    buildHttpApp(
      bareParts({ models: { models: fail } }),
      { host: '127.0.0.1', port: 0, names: [], anonymous, limits: LIMITS },
      new AbortController().signal,
    )
  owner = await start('admin')
  reader = await start('read')
})
afterAll(async () => {
  await owner?.close()
  await reader?.close()
})

test.each(EXPECTED)(
  '%s is answered with %i, its page and its reason, which readers see when it is theirs',
  async (code, status) => {
    failure = new AppError(code, 'the disk /srv/photos is full')
    const answer = await owner.inject('/api/v1/models')
    expect(answer.json()).toEqual({
      type: expect.stringMatching(new RegExp(`/docs/reference/errors\\.md#${code}$`)),
      title: code.toLowerCase().replaceAll('_', ' '),
      status,
      detail: 'the disk /srv/photos is full',
      code,
      request_id: answer.headers['x-request-id'],
    })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([status, 'application/problem+json'])
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
    const seen = (await reader.inject('/api/v1/models')).json()
    expect(seen).toMatchObject({ status, code })
    expect(seen.detail.includes('/srv/photos')).toBe(status < 500)
  },
)

test('a defect is answered as an internal error, and nothing of it is said', async () => {
  failure = new TypeError('secret is not a function')
  const answer = await owner.inject('/api/v1/models')
  expect([answer.statusCode, answer.json().code]).toEqual([500, 'INTERNAL_ERROR'])
  expect(answer.body).not.toContain('secret')
})
