import { z } from 'zod'

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/**
 * Query parameters are texts. This gives those of an object schema the type that it expects, so that the schema itself
 * can say number, boolean and array, and the documentation with it. A text that does not fit stays as it is, and the
 * schema refuses it.
 */
export function typedParameters(
  schema: z.ZodObject,
  texts: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, value]) => {
      const type = Object.hasOwn(schema.shape, name) ? unwrapped(schema.shape[name] as z.ZodType) : undefined
      return [name, type === undefined ? value : typed(type, value)]
    }),
  )
}

function typed(type: z.ZodType, value: unknown): unknown {
  if (type instanceof z.ZodArray) return Array.isArray(value) ? value : [value]
  if (typeof value !== 'string') return value
  const isNumber =
    type instanceof z.ZodNumber || (type instanceof z.ZodLiteral && typeof type.def.values[0] === 'number')
  if (isNumber) return NUMBER.test(value) ? Number(value) : value
  if (type instanceof z.ZodBoolean) return value === 'true' ? true : value === 'false' ? false : value
  return value
}

/** A type without what makes it optional. */
export function unwrapped(type: z.ZodType): z.ZodType {
  return type instanceof z.ZodOptional || type instanceof z.ZodNullable || type instanceof z.ZodDefault
    ? unwrapped(type.unwrap() as z.ZodType)
    : type
}
