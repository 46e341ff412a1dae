/**
 * Characters that a terminal obeys instead of showing: the C0 and C1 control characters except tab and line feed, and
 * characters that reverse the direction of text, so that it reads differently (https://trojansource.codes).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Escapes characters that a terminal would obey, as `\u001b`. JSON keeps its value. */
export function printable(text: string): string {
  return text.replace(OBEYED, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
