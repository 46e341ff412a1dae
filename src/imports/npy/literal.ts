type Literal = string | number | boolean | null | Literal[] | { [key: string]: Literal }

/** Strings have no escapes in headers of NumPy. Python 2 wrote `3L` for the number 3. */
const TOKEN = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d{1,16})L?|(True|False|None)|([{}()[\],:]))/y

/** Deeper ones are no header. */
const MAX_DEPTH = 8

/** Parses a Python literal of strings, whole numbers, True, False, None, tuples, lists and dicts. Undefined: it is none. */
export function parseLiteral(text: string): Literal | undefined {
  const tokens = tokensOf(text)
  if (tokens === undefined) return undefined
  const parser = new Parser(tokens)
  const value = parser.value(0)
  return parser.isAtEnd ? value : undefined
}

type Token = { mark: string } | { value: string | number | boolean | null }

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let end = 0; end < text.length; end = TOKEN.lastIndex) {
    const match = TOKEN.exec(text)
    if (match === null) return undefined
    const [, single, double, digits, word, mark] = match
    if (mark !== undefined) tokens.push({ mark })
    else if (digits !== undefined) tokens.push({ value: Number(digits) })
    else if (word !== undefined) tokens.push({ value: word === 'None' ? null : word === 'True' })
    else tokens.push({ value: single ?? double! })
  }
  return tokens
}

class Parser {
  #at = 0

  constructor(private readonly tokens: readonly Token[]) {}

  get isAtEnd(): boolean {
    return this.#at === this.tokens.length
  }

  value(depth: number): Literal | undefined {
    const token = this.tokens[this.#at++]
    if (token === undefined || depth > MAX_DEPTH) return undefined
    if ('value' in token) return token.value
    if (token.mark === '(') return this.#list(')', depth)
    if (token.mark === '[') return this.#list(']', depth)
    return token.mark === '{' ? this.#dict(depth) : undefined
  }

  #list(end: string, depth: number): Literal[] | undefined {
    const items: Literal[] = []
    for (;;) {
      if (this.#skip(end)) return items
      const item = this.value(depth + 1)
      if (item === undefined) return undefined
      items.push(item)
      if (!this.#skip(',')) return this.#skip(end) ? items : undefined
    }
  }

  #dict(depth: number): { [key: string]: Literal } | undefined {
    const entries = new Map<string, Literal>()
    for (;;) {
      if (this.#skip('}')) return Object.fromEntries(entries)
      const key = this.value(depth + 1)
      if (typeof key !== 'string' || entries.has(key) || !this.#skip(':')) return undefined
      const item = this.value(depth + 1)
      if (item === undefined) return undefined
      entries.set(key, item)
      if (!this.#skip(',')) return this.#skip('}') ? Object.fromEntries(entries) : undefined
    }
  }

  #skip(mark: string): boolean {
    const token = this.tokens[this.#at]
    if (token === undefined || !('mark' in token) || token.mark !== mark) return false
    this.#at++
    return true
  }
}
