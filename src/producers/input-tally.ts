import type { BadRow, Place, RowProblem, RowProblemCode, ValueWarning } from './source.js'

const EXAMPLES_PER_KIND = 5

/** What was read. */
export interface RowCounts {
  /** Rows read, good and bad; blank lines and headers do not count. */
  rows: number
  badRows: number
  badRowsByProblem: Partial<Record<RowProblemCode, number>>
  /** The first few of each problem, in the order in which they were found. */
  badRowExamples: BadRow[]
  /** Values that were left out, or cleaned, while their rows were kept. */
  valueWarnings: number
  valueWarningsByKind: Record<string, number>
  valueWarningExamples: (ValueWarning & Place)[]
}

/** A row of any table, or what is wrong with it. */
type CountedRow = Place & ({ problem: RowProblem } | { problem?: undefined; warnings?: ValueWarning[] })

/** Counts what is read, beside what its owner counts. */
export class InputTally<Own extends object> {
  readonly summary: RowCounts & Own

  /** @param onBadRow given every bad row, not only the examples */
  constructor(
    own: Own,
    private readonly onBadRow?: (row: BadRow) => void,
  ) {
    this.summary = {
      rows: 0,
      ...own,
      badRows: 0,
      badRowsByProblem: {},
      badRowExamples: [],
      valueWarnings: 0,
      valueWarningsByKind: {},
      valueWarningExamples: [],
    }
  }

  readonly count = (row: CountedRow): void => {
    this.summary.rows++
    if (row.problem) this.countBadRow({ line: row.line, part: row.part, problem: row.problem })
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

  private countWarning(warning: ValueWarning, { line, part }: Place): void {
    const { summary } = this
    const kind = `${warning.code} ${warning.column}`
    const count = (summary.valueWarningsByKind[kind] ?? 0) + 1
    summary.valueWarnings++
    summary.valueWarningsByKind[kind] = count
    if (count <= EXAMPLES_PER_KIND) summary.valueWarningExamples.push({ ...warning, line, part })
  }
}
