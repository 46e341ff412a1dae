import { barePhoto } from '../domain/photo.js'
import { derivedId } from './derived-id.js'
import { readLines } from './line-splitter.js'
import type { Part } from './part.js'
import { problemOfUrl } from './photo-row.js'
import { excerpt, type SourceRow } from './source.js'

/** The photos of a list of URLs, one a line; empty lines and lines that start with # are passed over. */
export async function* readUrlList(part: Part): AsyncGenerator<SourceRow> {
  for await (const { number: line, text, damage } of readLines(part.bytes())) {
    const url = text.trim()
    if (url === '' || url.startsWith('#')) continue
    const problem = damage ? { code: damage, found: excerpt(url) } : problemOfUrl(url)
    if (problem) yield { line, part: part.name, problem }
    else yield { line, part: part.name, photo: barePhoto(derivedId(url), url) }
  }
}

/** Whether the start of a file is that of a list of URLs. */
export function looksLikeUrlList(head: Buffer): boolean {
  const lines = head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n')
  const first = lines.map(line => line.trim()).find(line => line !== '' && !line.startsWith('#'))
  return first !== undefined && problemOfUrl(first) === undefined
}
