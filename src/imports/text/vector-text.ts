const BRACKETED = /^\s*[[({]([\s\S]*)[\])}]\s*$/
/** Between numbers: of JSON, of Python's and NumPy's print, of spreadsheets that use commas for decimals. */
const SEPARATOR = /[\s,;]+/

/**
 * The numbers of a text: `[0.1, 0.2]`, or as NumPy prints an array, `[0.1 0.2]`.
 * @returns null for an empty text; undefined for a text that is no list of numbers. NaN and Infinity are numbers here
 */
export function numbersOfText(text: string): number[] | null | undefined {
  if (text.trim() === '') return null
  const [, inner] = BRACKETED.exec(text) ?? []
  if (inner === undefined) return undefined
  const words = inner.trim() === '' ? [] : inner.trim().split(SEPARATOR)
  // A comma at the end, as of a tuple with one number.
  if (words.at(-1) === '') words.pop()
  const numbers = words.map(numberOfText)
  return numbers.includes(undefined) ? undefined : (numbers as number[])
}

/** @returns undefined for a text that is no number. NaN and Infinity are numbers here */
export function numberOfText(text: string): number | undefined {
  const value = Number(text)
  if (text !== '' && !Number.isNaN(value)) return value
  if (/^[+-]?nan$/i.test(text)) return Number.NaN
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return Number.POSITIVE_INFINITY
  return undefined
}

/** NumPy shortens long arrays when it prints them. */
export function isShortened(text: string): boolean {
  return /\.\.\.|…/.test(text)
}
