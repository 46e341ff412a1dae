import { barePhoto } from '../../domain/photo.js'
import { derivedId } from './derived-id.js'
import { LINE_BREAK, readLines } from './line-splitter.js'
import type { Part } from './part.js'
import { problemOfUrl, withoutBlanks } from './photo-row.js'
import { excerpt, type SourceRow } from './source.js'

/** The photos of a list of URLs, one per line. Skips empty lines and lines that start with #. */
export async function* readUrlList(part: Part): AsyncGenerator<SourceRow> {
  for await (const { number: line, text, damage } of readLines(part.bytes())) {
    const url = text.trim()
    if (url === '' || url.startsWith('#')) continue
    const problem = damage ? { code: damage, found: excerpt(url) } : problemOfUrl(url)
    if (problem) yield { line, part: part.name, problem }
    else {
      const encoded = withoutBlanks(url)
      yield { line, part: part.name, photo: barePhoto(derivedId(encoded), encoded) }
    }
  }
}

/** Whether a file starts like a list of URLs. */
export function looksLikeUrlList(head: Buffer): boolean {
  const lines = head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split(LINE_BREAK)
  const first = lines.map(line => line.trim()).find(line => line !== '' && !line.startsWith('#'))
  // A table without a header may begin with a URL, too.
  return first !== undefined && !first.includes(' ') && problemOfUrl(first) === undefined
}
