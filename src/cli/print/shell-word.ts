// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/gu
const PLAIN = /^[\p{L}\p{M}\p{N}_@%+=:,./-]+$/u

/**
 * A text as one word that a shell takes literally, to be pasted: `plain`, `'with blanks'`, and with control characters, which a
 * terminal must not obey, `$'two\u000alines'` (bash, zsh).
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text
  if (text.search(CONTROL) < 0) return `'${text.replaceAll("'", "'\\''")}'`
  const escaped = text.replaceAll(/[\\']/g, '\\$&').replaceAll(CONTROL, codeEscape)
  return `$'${escaped}'`
}

function codeEscape(character: string): string {
  return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
}
