/**
 * What a terminal obeys instead of showing: the control characters of C0 and C1 but tab and line feed, and those that turn
 * the direction of a text around, so that it reads other than it is (https://trojansource.codes).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** A text with nothing in it that a terminal would obey: `\u001b` instead of the character. JSON stays the same JSON. */
export function printable(text: string): string {
  return text.replace(OBEYED, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
