/** A JSON object of somebody else. */
export type Json = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns the value at a path of fields, such as `text_config.vocab_size`. */
export function at(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), json)
}

export function objectAt(json: unknown, path: string): Json | undefined {
  const value = at(json, path)
  return isObject(value) ? value : undefined
}

export function numberAt(json: unknown, path: string): number | undefined {
  const value = at(json, path)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function textAt(json: unknown, path: string): string | undefined {
  const value = at(json, path)
  return typeof value === 'string' ? value : undefined
}

/** Three numbers, one per channel. */
export function threeAt(json: unknown, path: string): [number, number, number] | undefined {
  const value = at(json, path)
  return Array.isArray(value) && value.length === 3 && value.every(one => typeof one === 'number')
    ? (value as [number, number, number])
    : undefined
}
