/** A change of a model's graph to a faster equivalent, and its outcome. */
export interface Rewrite {
  readonly name: RewriteName
  /**
   * `applied`: the graph was changed, at least in part. `not-needed`: the graph has nothing to change.
   * `left-out`: the graph may have something to change, and stays slower than it could be.
   */
  readonly outcome: 'applied' | 'not-needed' | 'left-out'
  /** What was changed, or the reason why nothing was, as a clause for display. */
  readonly detail: string
  /** A file that stays slow: why, and what to do about it. */
  readonly warning?: string
}

export type RewriteName = 'class-token-only' | 'signed-weights' | 'byte-pixels'

/** The rewrites of the graph in one model file. */
export interface FileRewrites {
  /** Relative to the model's folder. */
  readonly file: string
  readonly rewrites: readonly Rewrite[]
}

/** Returns each file with its rewrites for a log: `class-token-only applied`. */
export function summariseRewrites(files: readonly FileRewrites[]): Record<string, string[]> {
  return Object.fromEntries(
    files.map(({ file, rewrites }) => [file, rewrites.map(({ name, outcome }) => `${name} ${outcome}`)]),
  )
}

/** Returns the warnings of all files, one sentence each. */
export function rewriteWarnings(files: readonly FileRewrites[]): string[] {
  return files.flatMap(({ file, rewrites }) =>
    rewrites.flatMap(({ warning }) => (warning === undefined ? [] : [`${file}: ${warning}`])),
  )
}
