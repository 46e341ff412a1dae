import type { BadRow, PhotoRow, RowProblemCode, SourceRow, ValueWarning } from './source.js'

const EXAMPLES_PER_KIND = 5

/** What was read. */
export interface InputSummary {
  /** Rows read, good and bad; blank lines and headers do not count. */
  rows: number
  /** Photos chosen by `where`, `sample` and `limit`. */
  photos: number
  badRows: number
  badRowsByProblem: Partial<Record<RowProblemCode, number>>
  /** The first few of each problem, in the order in which they were found. */
  badRowExamples: BadRow[]
  /** Values that were left out, or cleaned, while their rows were kept. */
  valueWarnings: number
  valueWarningsByKind: Record<string, number>
  valueWarningExamples: (ValueWarning & Pick<PhotoRow, 'line' | 'part'>)[]
}

/** Counts what is read. */
export class InputTally {
  readonly summary: InputSummary = {
    rows: 0,
    photos: 0,
    badRows: 0,
    badRowsByProblem: {},
    badRowExamples: [],
    valueWarnings: 0,
    valueWarningsByKind: {},
    valueWarningExamples: [],
  }

  /** @param onBadRow given every bad row, not only the examples */
  constructor(private readonly onBadRow?: (row: BadRow) => void) {}

  readonly count = (row: SourceRow): void => {
    this.summary.rows++
    if (row.problem) this.countBadRow(row)
    else if (row.warnings) for (const warning of row.warnings) this.countWarning(warning, row)
  }

  private countBadRow(row: BadRow): void {
    const { summary } = this
    const { code } = row.problem
    const count = (summary.badRowsByProblem[code] ?? 0) + 1
    summary.badRows++
    summary.badRowsByProblem[code] = count
    if (count <= EXAMPLES_PER_KIND) summary.badRowExamples.push(row)
    this.onBadRow?.(row)
  }

  private countWarning(warning: ValueWarning, { line, part }: PhotoRow): void {
    const { summary } = this
    const kind = `${warning.code} ${warning.column}`
    const count = (summary.valueWarningsByKind[kind] ?? 0) + 1
    summary.valueWarnings++
    summary.valueWarningsByKind[kind] = count
    if (count <= EXAMPLES_PER_KIND) summary.valueWarningExamples.push({ ...warning, line, part })
  }
}
