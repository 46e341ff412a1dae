import { printable } from '../domain/text/printable.js'

/** A text of the collection on one line, without characters that a terminal would obey. */
export function textLine(text: string, longest = 100): string {
  const line = printable(text.replaceAll(/\s+/g, ' ').trim())
  return line.length > longest ? `${line.slice(0, longest)}…` : line
}
