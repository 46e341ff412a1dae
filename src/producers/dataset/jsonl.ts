import { readLines } from '../input/line-splitter.js'
import type { Part } from '../input/part.js'
import { excerpt } from '../input/source.js'
import type { SourceRecord } from './records.js'

/** Whether a file starts with a JSON object on a line of its own. */
export function looksLikeJsonLines(head: Buffer): boolean {
  const [first = ''] = head.toString('utf8').split(/\r?\n/, 1)
  return recordOf(first) !== undefined
}

/** The objects of JSON Lines, one per line. Skips empty lines. */
export async function* readJsonLines(part: Part): AsyncGenerator<SourceRecord> {
  for await (const { number: line, text, damage } of readLines(part.bytes())) {
    if (text.trim() === '') continue
    const record = damage ? undefined : recordOf(text)
    if (record) yield { line, record }
    else yield { line, problem: { code: damage ?? 'BAD_JSON', found: excerpt(text) } }
  }
}

function recordOf(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
