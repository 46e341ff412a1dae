import { added, type SearchState } from './search-state.js'

/** A sign at the start or after a blank, directly before a word: `black-and-white` has none. */
const SIGN = /(?:^|\s)([+−-])(?=[^\s+−-])/u

/** The words of a search, and those to go towards and away from: `a beach +at night -people`. */
export function parseWords(text: string): { words: string; plus: string[]; minus: string[] } {
  const [first = '', ...rest] = text.split(SIGN)
  const plus: string[] = []
  const minus: string[] = []
  for (let i = 0; i < rest.length; i += 2) {
    const words = rest[i + 1]!.trim()
    if (words !== '') (rest[i] === '+' ? plus : minus).push(words)
  }
  return { words: first.trim(), plus, minus }
}

/** A search for the words of the bar. Signed ones become chips, beside those that are there. */
export function withWords(state: SearchState, text: string): SearchState {
  const { words, plus, minus } = parseWords(text)
  const towards = plus.reduce((next, it) => added(next, 'plus', it), {
    ...state,
    words,
    cut: null,
    opened: [],
  } as SearchState)
  return minus.reduce((next, it) => added(next, 'minus', it), towards)
}
