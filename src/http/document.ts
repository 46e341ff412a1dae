import swagger from '@fastify/swagger'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { Scope } from '../domain/api-key.js'
import { VERSION } from '../version.js'
import { withProblems } from './documented-problems.js'
import type { HttpApp } from './http-app.js'

/** Generates the OpenAPI document from the schemas of the routes. Register it before them. */
export async function addDocument(app: HttpApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'unsplash-clip',
        version: VERSION,
        description: 'Search photos by meaning: words, pictures, photos, vectors and combinations of them.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A key of `keys create`.' },
          header: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A key of `keys create`.' },
        },
      },
      tags: [
        { name: 'search', description: 'Searching photos' },
        { name: 'photos', description: 'Single photos' },
        { name: 'pictures', description: 'Stored copies' },
        { name: 'labels', description: 'Label sets' },
        { name: 'collection', description: 'The collection as a whole' },
        { name: 'runs', description: 'Runs, workers and the queue' },
        { name: 'service', description: 'Operation of the server' },
      ],
    },
    transform: given => {
      const { schema, url } = jsonSchemaTransform(given)
      const { scope } = given.route.config ?? {}
      return { schema: { ...schema, security: scope === undefined || scope === 'open' ? [] : securityOf(scope) }, url }
    },
    transformObject: document => withProblems(tidied(jsonSchemaTransformObject(document) as OpenApi)),
  })
}

/** A key in either header, with the scope. A server on loopback may need none. */
const securityOf = (scope: Scope): Record<string, Scope[]>[] => [{ bearer: [scope] }, { header: [scope] }]

interface OpenApi {
  components?: { schemas?: Record<string, object> }
}

/** Leaves out schemas that nothing refers to, and names those of requests as the code does. */
function tidied<T extends OpenApi>(document: T): T {
  const { schemas = {}, ...components } = document.components ?? {}
  const used = new Set<string>()
  const visit = (part: object) => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      if (!used.has(name!)) {
        used.add(name!)
        visit(schemas[name!] ?? {})
      }
  }
  visit({ ...document, components: {} })
  const named = (name: string) => {
    const short = name.replace(/Input$/, '')
    return used.has(short) ? name : short
  }
  const kept = Object.entries(schemas).filter(([name]) => used.has(name))
  const text = JSON.stringify({
    ...document,
    components: { ...components, schemas: Object.fromEntries(kept.map(([name, schema]) => [named(name), schema])) },
  })
  return JSON.parse(
    text.replaceAll(/"#\/components\/schemas\/(\w+)"/g, (_, name: string) => `"#/components/schemas/${named(name)}"`),
  ) as T
}
