import type { Schema } from '../../api/reference.js'

/** What values a schema has, as a type of TypeScript. Named schemas stand for themselves. */
export function typeText(schema: Schema | undefined): string {
  if (schema === undefined) return 'anything'
  const { $ref, type, format, items, properties, additionalProperties } = schema
  if ($ref !== undefined) return $ref.split('/').at(-1)!
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  const choices = properties ? undefined : (schema.anyOf ?? schema.oneOf)
  if (choices) return [...new Set(choices.map(typeText))].join(' | ')
  if (Array.isArray(type)) return type.map(one => typeText({ ...schema, type: one })).join(' | ')
  if (type === 'array') return `${grouped(typeText(items))}[]`
  if (properties) return `{ ${Object.entries(properties).map(memberText(schema.required)).join(', ')} }`
  if (type === 'object') return `{ [name]: ${typeText(asSchema(additionalProperties))} }`
  if (format === 'binary') return 'bytes'
  return type ?? 'anything'
}

const grouped = (text: string) => (text.includes(' | ') ? `(${text})` : text)

function memberText(required: readonly string[] = []) {
  return ([name, schema]: [string, Schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(schema)}`
}

function asSchema(additional: boolean | Schema | undefined): Schema | undefined {
  return typeof additional === 'object' ? additional : undefined
}
