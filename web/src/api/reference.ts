import { ApiError, NetworkError } from './errors.js'
import type { Problem } from './schema.js'

/** A schema of OpenAPI 3.1, as far as the server writes it. */
export interface Schema {
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
  $ref?: string
  description?: string
  content?: Record<string, { schema?: Schema }>
}

interface DescribedOperation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: { in: string; name: string; required?: boolean; description?: string; schema: Schema }[]
  requestBody?: Content
  responses: Record<string, Content>
}

interface ApiDocument {
  info: { version: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, DescribedOperation>>
  components: { schemas: Record<string, Schema> }
}

export interface Operation extends DescribedOperation {
  method: string
  path: string
}

export interface Reference {
  version: string
  /** In the order of the document. */
  groups: { title: string; operations: Operation[] }[]
  schemas: [name: string, schema: Schema][]
}

/** What the document of the API describes. @throws ApiError, NetworkError */
export async function reference(): Promise<Reference> {
  const response = await fetch('/api/v1/openapi.json').catch(cause => {
    throw new NetworkError(cause)
  })
  if (!response.ok) throw new ApiError(response.status, (await response.json()) as Partial<Problem>)
  const { info, tags, paths, components } = (await response.json()) as ApiDocument
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  )
  const groups = tags.map(({ name, description }) => ({
    title: description,
    operations: operations.filter(operation => operation.tags?.[0] === name),
  }))
  return { version: info.version, groups, schemas: Object.entries(components.schemas) }
}
