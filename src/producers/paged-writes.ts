/** Fills one page of rows while writing the one before: two pages are in memory at most. */
export class PagedWrites<Row> {
  private page: Row[] = []
  private written: Promise<void> = Promise.resolve()

  /** @param write is never called while an earlier call is under way */
  constructor(
    private readonly pageRows: number,
    private readonly write: (rows: readonly Row[]) => Promise<void>,
  ) {}

  /** @returns whether the page is full */
  add(row: Row): boolean {
    return this.page.push(row) >= this.pageRows
  }

  /** Starts writing the page once the one before is written. */
  async next(): Promise<void> {
    await this.written
    const rows = this.page
    this.page = []
    this.written = this.write(rows)
    // The next call throws the error; until then nothing listens to it.
    this.written.catch(() => {})
  }

  async writeRest(): Promise<void> {
    await this.next()
    await this.written
  }

  /** Waits for the write under way and ignores its error: `next` and `writeRest` throw it. */
  async settled(): Promise<void> {
    await this.written.catch(() => {})
  }
}
