import he from 'he'

/**
 * Cleans a text as OpenAI's CLIP does before it splits it into tokens: ftfy's `fix_text`, HTML character references
 * twice, white space, lower case. Leaves out one step of ftfy, the repair of text that was decoded with a wrong
 * encoding (`schÃ¶n`).
 * https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py (basic_clean, whitespace_clean)
 * https://github.com/rspeer/python-ftfy/blob/main/ftfy/fixes.py, version 6.3
 */
export function cleanClipText(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)))
    .replace(PYTHON_SPACES, ' ')
    .replace(/^ | $/g, '')
    .toLowerCase()
}

/** What Python's `str.isspace` accepts; `\s` differs by U+001C to U+001F, U+0085 and U+FEFF. */
export const PYTHON_SPACES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are spaces for Python
  /[\t-\r\u001C-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+/g

/** Line by line, as ftfy does: from a line with `<` on, the text counts as HTML and keeps its references. */
function fixText(text: string): string {
  let isHtml = false
  return text
    .split(/(?<=\n)/)
    .map(line => {
      isHtml ||= line.includes('<')
      return fixLine(line, isHtml)
    })
    .join('')
}

function fixLine(line: string, isHtml: boolean): string {
  for (let fixed = line; ; ) {
    const before = fixed
    if (!isHtml) fixed = fixed.replace(ENTITY, entityOf)
    for (const [pattern, by] of FIXES) fixed = fixed.replace(pattern, by as string)
    fixed = fixed.normalize('NFC')
    if (fixed === before) return fixed
  }
}

/** Windows-1252 for the bytes 0x80 to 0x9F, which Latin-1 leaves to control characters. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ'

const LIGATURES: Readonly<Record<string, string>> = {
  ...{ Ĳ: 'IJ', ĳ: 'ij', ŉ: 'ʼn', Ǳ: 'DZ', ǲ: 'Dz', ǳ: 'dz', Ǆ: 'DŽ', ǅ: 'Dž', ǆ: 'dž' },
  ...{ Ǉ: 'LJ', ǈ: 'Lj', ǉ: 'lj', Ǌ: 'NJ', ǋ: 'Nj', ǌ: 'nj' },
  ...{ ﬀ: 'ff', ﬁ: 'fi', ﬂ: 'fl', ﬃ: 'ffi', ﬄ: 'ffl', ﬅ: 'ſt', ﬆ: 'st' },
}

type Fix = readonly [pattern: RegExp, by: string | ((found: string) => string)]

/** The fixers of ftfy that follow the one of the encoding, in its order. */
const FIXES: readonly Fix[] = [
  [/[\u0080-\u009F]/g, found => WINDOWS_1252[found.charCodeAt(0) - 0x80]!],
  [new RegExp(`[${Object.keys(LIGATURES).join('')}]`, 'g'), found => LIGATURES[found]!],
  // Full-width Latin letters, half-width Katakana and Hangul.
  [/[\u3000\uFF01-\uFFEF]/g, found => (found === '\u3000' ? ' ' : found.normalize('NFKC'))],
  [/[\u201C-\u201F]/g, '"'],
  [/[\u02BC\u2018-\u201B]/g, "'"],
  [/\r\n|[\r\u2028\u2029\u0085]/g, '\n'],
  // Lone surrogates.
  [/[\uD800-\uDFFF]/gu, '\uFFFD'],
  // Escape sequences of terminals.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  [/\u001B\[[\d;]*[a-zA-Z]/g, ''],
  // Control characters, the byte order mark, and others that nobody sees.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  [/[\u0000-\u0008\u000B\u000E-\u001F\u007F\u206A-\u206F\uFEFF\uFFF9-\uFFFC]/g, ''],
]

const ENTITY = /&#?[0-9A-Za-z]{1,24};/g

/** An unambiguous character reference, as ftfy decodes it: a whole one with its semicolon, or a name in upper case. */
function entityOf(reference: string): string {
  if (reference.startsWith('&#')) {
    const decoded = unescapeHtml(reference)
    return decoded.includes(';') ? reference : decoded
  }
  const exact = wholeEntity(reference)
  if (exact !== undefined) return exact
  const lower = reference.toLowerCase()
  const isUpper = lower !== reference && reference.toUpperCase() === reference && he.decode(reference) === reference
  return (isUpper ? wholeEntity(lower)?.toUpperCase() : undefined) ?? reference
}

/** `&ampx;` decodes to `&x;`, which is not the whole reference. */
function wholeEntity(reference: string): string | undefined {
  const decoded = he.decode(reference)
  return decoded !== reference && (!decoded.endsWith(';') || reference === '&semi;') ? decoded : undefined
}

const REFERENCE = /&(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|[^\t\n\f <&#;]{1,32};?)/g

/** Python's `html.unescape`, which follows HTML 5 but drops characters that are none. */
function unescapeHtml(text: string): string {
  return text.replace(REFERENCE, (reference, decimal?: string, hex?: string) => {
    if (decimal !== undefined) return characterOf(Number.parseInt(decimal, 10))
    if (hex !== undefined) return characterOf(Number.parseInt(hex, 16))
    return he.decode(reference)
  })
}

function characterOf(code: number): string {
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return '\uFFFD'
  if (code >= 0x80 && code <= 0x9f) return WINDOWS_1252[code - 0x80]!
  if (code === 0x0d) return '\r'
  const isControl = code < 0x20 ? !(code === 9 || code === 10 || code === 12) : code === 0x7f
  const isNone = isControl || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe
  return isNone ? '' : String.fromCodePoint(code)
}
