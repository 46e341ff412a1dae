import { shorten } from '../print/output.js'

/** Says that a model does not know the words of some labels; null when it can tell all of them apart. */
export function describeUnknownWords(model: string, equal: readonly string[]): string | null {
  if (equal.length === 0) return null
  return `${model} cannot tell these labels apart: ${shorten(equal.join(', '), 200)}. It does not know their words, so their scores are equal everywhere and their counts mean nothing. Use a model that knows them: --model NAME, from: unsplash-clip models list`
}
