import { AppError } from '../domain/errors.js'

const MOST_WEIGHT = 1000

/** Words or the id of a photo in a combination, as people write them. */
export interface WrittenPart {
  text: string
  /** Undefined without a weight in the text. */
  weight: number | undefined
}

/**
 * Returns the parser of `at night` or `at night:2`.
 * @param name of the option or parameter, for the message
 * @param content what stands before the weight
 */
export function weighted(name: string, content: 'ID' | 'WORDS'): (value: string) => WrittenPart {
  return value => {
    const [, text, digits] = /^(.*?)(?::(\d+(?:\.\d+)?))?$/s.exec(value)!
    const weight = digits === undefined ? undefined : Number(digits)
    if (!text!.trim() || (weight !== undefined && (weight === 0 || weight > MOST_WEIGHT)))
      throw new AppError(
        'USAGE',
        `${name} expects ${content} or ${content}:WEIGHT, the weight above 0 and up to ${MOST_WEIGHT}, found ${JSON.stringify(value)}`,
      )
    return { text: text!, weight }
  }
}
