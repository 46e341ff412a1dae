import { RequestError } from '../domain/errors.js'

/** Values of all conditions of a request: a full list of photos, and as many others. */
const MAX_VALUES = 20_000
/** Characters of these values. */
const MAX_CHARACTERS = 2_000_000
const LISTS = ['value', 'photos', 'not_photos'] as const

/**
 * Refuses conditions that fit the schema one by one and are too much together: the database keeps all their values in
 * memory, and the embedded one has little. It comes before the schema, which takes seconds to check a million values.
 * @throws RequestError REQUEST_UNPROCESSABLE
 */
export function refuseManyValues(body: unknown): void {
  const { filters } = (body ?? {}) as { filters?: unknown }
  if (!Array.isArray(filters)) return
  let values = 0
  let characters = 0
  for (const filter of filters) {
    for (const name of LISTS) {
      const list: unknown = (filter as Record<string, unknown> | null)?.[name]
      if (!Array.isArray(list)) continue
      values += list.length
      if (values > MAX_VALUES) throw tooMany(`${MAX_VALUES} values`)
      for (const value of list) characters += typeof value === 'string' ? value.length : 1
      if (characters > MAX_CHARACTERS) throw tooMany(`${MAX_CHARACTERS} characters of values`)
    }
  }
}

function tooMany(most: string): RequestError {
  return new RequestError('REQUEST_UNPROCESSABLE', 'The conditions name too many values together.', {
    field: 'body.filters',
    expected: `at most ${most} in all conditions`,
    found: 'more',
    action: 'Send several requests with fewer values each.',
  })
}
