/** What a schema of the document can hold. */
interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  description?: string
}

interface Content {
  content?: Record<string, { schema?: Schema }>
}

interface Operation {
  parameters?: { in: string; name: string; required?: boolean; schema: Schema }[]
  requestBody?: Content
  responses: Record<string, Content>
}

export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const HEAD = `// Generated from docs/openapi.json by tools/docs/api-types.ts. A test compares them; \`vitest -u\` writes this file.
`

/** The types of an OpenAPI document, in the form that openapi-fetch takes. */
export function apiTypes({ paths, components }: ApiDocument): string {
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `${comment(schema, '')}export type ${name} = ${typeOf(schema, '')}\n`,
  )
  const routes = Object.entries(paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(
      ([method, operation]) => `    ${method}: ${operationOf(operation)}\n`,
    )
    return `  '${path}': {\n${operations.join('')}  }\n`
  })
  return `${HEAD}\n${schemas.join('\n')}\nexport interface paths {\n${routes.join('')}}\n`
}

function operationOf({ parameters = [], requestBody, responses }: Operation): string {
  const places = ['path', 'query'].flatMap(place => {
    const found = parameters.filter(parameter => parameter.in === place)
    if (found.length === 0) return []
    const members = found.map(({ name, required, schema }) => member(name, schema, required === true, '          '))
    const isOptional = !found.some(({ required }) => required)
    return [`        ${place}${isOptional ? '?' : ''}: {\n${members.join('')}        }\n`]
  })
  const body = requestBody ? `      requestBody: ${contentOf(requestBody)}\n` : ''
  const answers = [...successes(responses), ...PROBLEMS].map(([status, answer]) => {
    const name = /^\d+$/.test(status) ? status : `'${status}'`
    return `        ${name}: ${contentOf(answer)}\n`
  })
  const given = places.length > 0 ? `{\n${places.join('')}      }` : '{}'
  return `{\n      parameters: ${given}\n${body}      responses: {\n${answers.join('')}      }\n    }`
}

/** Failures of all operations have the same form. */
const PROBLEMS: [string, Content][] = ['4XX', '5XX'].map(status => [
  status,
  { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
])

/** The answers of one operation that are its own. */
function successes(responses: Record<string, Content>): [string, Content][] {
  return Object.entries(responses).filter(([, answer]) => !('$ref' in answer))
}

function contentOf({ content = {} }: Content): string {
  const types = Object.entries(content).map(
    ([type, { schema }]) => `'${type}': ${schema ? typeOf(schema, '          ') : 'unknown'}`,
  )
  return types.length === 0 ? '{ content?: never }' : `{ content: { ${types.join('; ')} } }`
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, format, items, properties, additionalProperties } = schema
  if ($ref !== undefined) return $ref.split('/').at(-1)!
  if (schema.enum) return schema.enum.map(literal).join(' | ')
  if ('const' in schema) return literal(schema.const)
  // Members of an object can exclude each other; that is a rule, not a type.
  const choices = properties ? undefined : (schema.anyOf ?? schema.oneOf)
  if (choices) return [...new Set(choices.map(choice => typeOf(choice, indent)))].join(' | ')
  if (Array.isArray(type)) return type.map(one => typeOf({ ...schema, type: one }, indent)).join(' | ')
  if (type === 'array') return `Array<${items ? typeOf(items, indent) : 'unknown'}>`
  if (type === 'object' || properties) {
    if (properties) return object(properties, schema.required ?? [], indent)
    return `Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent) : 'unknown'}>`
  }
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'string') return format === 'binary' ? 'Blob' : 'string'
  return type === 'boolean' || type === 'null' ? type : 'unknown'
}

function object(properties: Record<string, Schema>, required: readonly string[], indent: string): string {
  const members = Object.entries(properties).map(([name, schema]) =>
    member(name, schema, required.includes(name), `${indent}  `),
  )
  return `{\n${members.join('')}${indent}}`
}

function member(name: string, schema: Schema, isRequired: boolean, indent: string): string {
  return `${comment(schema, indent)}${indent}${name}${isRequired ? '' : '?'}: ${typeOf(schema, indent)}\n`
}

function comment({ description, $ref }: Schema, indent: string): string {
  return description === undefined || $ref !== undefined
    ? ''
    : `${indent}/** ${description.replaceAll('*/', '*\\/')} */\n`
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value)
}
