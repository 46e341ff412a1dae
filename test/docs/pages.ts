import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Page {
  path: string
  text: string
}

/** Every page of documentation: README and its neighbours, docs, and the pages inside folders of code. */
export const PAGES: readonly Page[] = [
  ...readdirSync('.').filter(isPage),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter(isPage)
    .map(name => join('docs', name)),
  ...['assembly/README.md', 'models/demo/README.md', 'tools/exported-miniatures/README.md'].filter(existsSync),
].map(path => ({ path, text: readFileSync(path, 'utf8') }))

function isPage(name: string): boolean {
  return name.endsWith('.md')
}
