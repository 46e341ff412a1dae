import type { SchemaTree } from 'hyparquet'
import type { ColumnPage } from './column-pages.js'

/** The numbers of a row's list; or what it is instead. */
export type ListValue = ArrayLike<number> | 'null' | 'null inside' | 'too long'

/** The levels of a list of numbers. */
export interface ListLevels {
  /** Definition level of a value that is there. */
  value: number
  /** From this level on the list itself is there; one below: it is null. */
  list: number
}

/** @param path from the root to the numbers of a list, with one repeated element */
export function listLevels(path: readonly SchemaTree[]): ListLevels {
  let [value, list] = [0, 0]
  let isInside = false
  for (const { element } of path.slice(1)) {
    if (element.repetition_type === 'REPEATED') isInside = true
    if (element.repetition_type !== 'REQUIRED') value++
    if (!isInside) list = value
  }
  return { value, list }
}

/**
 * Joins the entries of pages to lists, one per row. A list may continue on the next page.
 * @param longest lists with more numbers are not collected
 */
export async function* listValues(
  pages: AsyncIterable<ColumnPage>,
  levels: ListLevels,
  longest: number,
): AsyncGenerator<ListValue[]> {
  let row: OpenList | null = null
  for await (const { definitionLevels, repetitionLevels, values, entries } of pages) {
    const lists: ListValue[] = []
    const numbers = values as ArrayLike<number>
    let at = 0
    for (let i = 0; i < entries; i++) {
      if (!repetitionLevels[i]) {
        if (row !== null) lists.push(row.end())
        row = new OpenList(longest)
      } else if (row === null) throw new Error('a list that begins nowhere')
      const level = definitionLevels.length === 0 ? levels.value : definitionLevels[i]!
      if (level === levels.value) row.add(numbers[at++]!)
      else if (level < levels.list) row.isNull = true
      else if (level > levels.list) row.hasNull = true
    }
    yield lists
  }
  if (row !== null) yield [row.end()]
}

class OpenList {
  isNull = false
  hasNull = false
  #length = 0
  readonly #numbers: Float64Array

  constructor(private readonly longest: number) {
    this.#numbers = new Float64Array(longest)
  }

  add(value: number): void {
    if (this.#length < this.longest) this.#numbers[this.#length] = value
    this.#length++
  }

  end(): ListValue {
    if (this.isNull) return 'null'
    if (this.hasNull) return 'null inside'
    return this.#length > this.longest ? 'too long' : this.#numbers.subarray(0, this.#length)
  }
}
