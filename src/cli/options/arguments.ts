import { InvalidArgumentError } from 'commander'

/** Returns the parser of an integer option from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    return value
  }
}

/** Returns the parser of a number option from `min` to `max`. */
export function realNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
    return value
  }
}

/** Parses a repeatable option. */
export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text]
}

/** Parses a size such as `2GB` or `512MB`. @returns bytes */
export function memorySize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(MB|GB)$/i.exec(text)
  const bytes = match ? Number(match[1]) * (match[2]!.toUpperCase() === 'GB' ? 1e9 : 1e6) : 0
  if (bytes < 1e6 || bytes > 1e12) throw new InvalidArgumentError('Expected a size such as 512MB or 2GB.')
  return bytes
}
