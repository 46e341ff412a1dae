import { validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { RequestError } from '../domain/errors.js'
import { invalidValue } from './problem.js'
import { typedParameters, unwrapped } from './query-string.js'

type Route = Parameters<typeof validatorCompiler>[0]
type Validate = (value: unknown) => { value?: unknown; error?: Error }

/** Validates parts of requests by the zod schemas of their routes. Parameters get their types first. */
export function validatorOf(route: Route): Validate {
  const { schema, httpPart = 'body' } = route as { schema: unknown; httpPart?: string }
  const validate = validatorCompiler(route) as Validate
  if (!(schema instanceof z.ZodType)) return validate
  const type = unwrapped(schema)
  if (!(type instanceof z.ZodObject)) return validate
  const lists = Object.entries(type.shape as Record<string, z.ZodType>).flatMap(([name, member]) => {
    const list = unwrapped(member)
    return list instanceof z.ZodArray ? [[name, list] as const] : []
  })
  const isQuery = httpPart === 'querystring'
  return value => {
    const typed = isQuery ? typedParameters(type, value as Record<string, unknown>) : value
    const wrong = firstWrongElement(typed, lists, isQuery ? 'query' : httpPart)
    return wrong ? { error: wrong } : validate(typed)
  }
}

/**
 * Looks at lists up to their first wrong element: zod notes every wrong element of every list, which takes seconds for those
 * that a body of some megabytes can hold.
 */
function firstWrongElement(
  value: unknown,
  lists: readonly (readonly [string, z.ZodArray])[],
  part: string,
): RequestError | null {
  if (typeof value !== 'object' || value === null) return null
  for (const [name, list] of lists) {
    const found = (value as Record<string, unknown>)[name]
    if (!Array.isArray(found)) continue
    const most = mostElements(list)
    if (most !== undefined && found.length > most)
      return invalidValue(`${part}.${name}`, `at most ${most} elements`, `a list of ${found.length}`)
    const element = list.element as z.ZodType
    for (const [index, one] of found.entries()) {
      const result = element.safeParse(one)
      if (result.success) continue
      const [issue] = result.error.issues
      return invalidValue([part, name, index, ...issue!.path].join('.'), issue!.message, { in: one, at: issue!.path })
    }
  }
  return null
}

/** The limit that `.max()` sets; undefined: none. */
function mostElements({ def: { checks = [] } }: z.ZodArray): number | undefined {
  const limits = checks.map(({ _zod: { def } }) => def as { check: string; maximum?: number })
  return limits.find(({ check }) => check === 'max_length')?.maximum
}
