import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { buildHttpApp } from '../../src/http/server.js'
import { bareParts } from './bare-parts.js'
import { LIMITS } from './support.js'

test('docs/openapi.json is the document of the API, and valid', async () => {
  const app = await buildHttpApp(
    bareParts(),
    { host: '127.0.0.1', port: 0, names: [], anonymous: 'admin', limits: LIMITS, withPage: false },
    new AbortController().signal,
  )
  const document = app.swagger()
  await app.close()
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('../../docs/openapi.json')
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)))
  expect(errors ?? []).toEqual([])
  expect(valid).toBe(true)
})
