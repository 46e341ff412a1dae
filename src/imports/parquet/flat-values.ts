import type { SchemaTree } from 'hyparquet'
import type { ColumnPage } from './column-pages.js'

/** The values of a column without lists, null where there is none, a page at a time. */
export async function* flatValues(
  pages: AsyncIterable<ColumnPage>,
  path: readonly SchemaTree[],
): AsyncGenerator<unknown[]> {
  const present = path.slice(1).filter(({ element }) => element.repetition_type !== 'REQUIRED').length
  for await (const { definitionLevels, values, entries } of pages) {
    if (definitionLevels.length === 0) {
      yield Array.from(values as ArrayLike<unknown>)
      continue
    }
    let at = 0
    yield Array.from({ length: entries }, (_, i) => (definitionLevels[i] === present ? values[at++] : null))
  }
}

/** Takes items one by one from pages of them. */
export class ItemReader<Item> {
  #page: readonly Item[] = []
  #at = 0
  readonly #pages: AsyncIterator<readonly Item[]>

  constructor(pages: AsyncIterable<readonly Item[]>) {
    this.#pages = pages[Symbol.asyncIterator]()
  }

  /** @throws Error when there are fewer items */
  async take(count: number): Promise<Item[]> {
    const items: Item[] = []
    while (items.length < count) {
      if (this.#at >= this.#page.length) {
        const { done, value } = await this.#pages.next()
        if (done) throw new Error(`${count} rows expected, found ${items.length}`)
        this.#page = value
        this.#at = 0
        continue
      }
      const end = Math.min(this.#page.length, this.#at + count - items.length)
      for (; this.#at < end; this.#at++) items.push(this.#page[this.#at]!)
    }
    return items
  }

  async close(): Promise<void> {
    await this.#pages.return?.()
  }
}
