import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Schema } from '../../web/src/api/reference.js'
import { typeText } from '../../web/src/views/reference/type-text.js'

test('schemas read as types', () => {
  const cases: [Schema, string][] = [
    [{ type: 'string' }, 'string'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ enum: ['asc', 1] }, '"asc" | 1'],
    [{ const: 64 }, '64'],
    [{ $ref: '#/components/schemas/Photo' }, 'Photo'],
    [{ type: 'array', items: { anyOf: [{ type: 'string' }, { $ref: '#/x/Part' }] } }, '(string | Part)[]'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, '{ [name]: number }'],
    [
      { type: 'object', properties: { id: { type: 'string' }, k: { type: 'integer' } }, required: ['id'] },
      '{ id: string, k?: integer }',
    ],
    [{ type: 'string', format: 'binary' }, 'bytes'],
    [{}, 'anything'],
  ]
  expect(cases.map(([schema]) => typeText(schema))).toEqual(cases.map(([, text]) => text))
})

test('every schema of the document has a type', () => {
  const { components } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    components: { schemas: Record<string, Schema> }
  }
  const unknown = Object.entries(components.schemas).filter(([, schema]) => typeText(schema) === 'anything')
  expect(unknown.map(([name]) => name)).toEqual([])
})
