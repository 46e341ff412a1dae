/**
 * Yields pages of rows in the order of their ids, each fetched on demand. Holds nothing between pages, and is safe
 * under concurrent inserts and deletes.
 * @param fetch rows whose id comes after `after`, at most one page of them
 * @param start id after which the first page begins
 */
export async function* pagesById<T extends { id: string }>(
  fetch: (after: string) => Promise<T[]>,
  pageSize: number,
  start = '',
): AsyncGenerator<T[]> {
  let after = start
  for (;;) {
    const page = await fetch(after)
    if (page.length > 0) yield page
    if (page.length < pageSize) return
    after = page.at(-1)!.id
  }
}
