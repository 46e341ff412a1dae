import type { BadRow, Place, RowProblem, RowProblemCode, ValueWarning } from '../input/source.js'

const EXAMPLES_PER_KIND = 5

/** Counts of the input. */
export interface RowCounts {
  /** Rows read, good and bad, without blank lines and headers. */
  rows: number
  badRows: number
  badRowsByProblem: Partial<Record<RowProblemCode, number>>
  /** The first examples of each problem, in order. */
  badRowExamples: BadRow[]
  /** Values dropped or cleaned while their rows were kept. */
  valueWarnings: number
  valueWarningsByKind: Record<string, number>
  valueWarningExamples: (ValueWarning & Place)[]
}

/** A row of any table, or the problem with it. */
type CountedRow = Place & ({ problem: RowProblem } | { problem?: undefined; warnings?: ValueWarning[] })

/** Counts the rows read, in addition to its owner's counts. */
export class InputTally<Own extends object> {
  readonly summary: RowCounts & Own

  /** @param onBadRow receives every bad row, not only the examples */
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

  /** Counts a row as bad that was counted as good before. */
  refuse({ line, part }: Place, reason: string): void {
    this.countBadRow({ line, part, problem: { code: 'REFUSED', found: reason } })
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
