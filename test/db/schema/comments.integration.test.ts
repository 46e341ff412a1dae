import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { describeSchema } from './describe-schema.js'

const [embedded] = serverKinds()
/** What `\d+` and `\df+` show a description of. */
const DESCRIBED = /^[rpvS] /

describe('the schema explains itself', () => {
  let server: TestServer
  let database: Database
  beforeAll(async () => {
    server = await embedded!.start()
    database = await server.freshDatabase()
  })
  afterAll(() => server?.close())

  test('with a comment on every table, view, column and function', async () => {
    const items = (await describeSchema(database)).filter(
      ({ kind, definition, name }) =>
        kind === 'column' ||
        kind === 'function' ||
        (kind === 'relation' && DESCRIBED.test(definition) && !/_seq$/.test(name)),
    )
    expect(items.length).toBeGreaterThan(300)
    expect(items.filter(({ comment }) => !comment).map(({ kind, name }) => `${kind} ${name}`)).toEqual([])
  })

  test('in sentences of at least two words, each with a full stop', async () => {
    const comments = (await describeSchema(database)).flatMap(({ comment }) => comment ?? [])
    expect(comments.filter(comment => !/^\S+ .*\.$/s.test(comment))).toEqual([])
  })
})
