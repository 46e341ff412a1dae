import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { apiTypes } from '../../tools/docs/api-types.js'

test('the types of the client are those of docs/openapi.json', async () => {
  const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8'))
  await expect(apiTypes(document)).toMatchFileSnapshot('../../web/src/api/schema.ts')
})
