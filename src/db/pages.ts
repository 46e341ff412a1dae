/**
 * Pages of rows in the order of their ids, each fetched when it is asked for: nothing is held between pages, and rows that
 * come or go meanwhile disturb nothing.
 * @param fetch rows whose id comes after `after`, at most a page of them
 */
export async function* pagesById<T extends { id: string }>(
  fetch: (after: string) => Promise<T[]>,
  pageSize: number,
): AsyncGenerator<T[]> {
  let after = ''
  for (;;) {
    const page = await fetch(after)
    if (page.length > 0) yield page
    if (page.length < pageSize) return
    after = page.at(-1)!.id
  }
}
