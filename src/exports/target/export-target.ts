/** Where an export goes. Names are relative paths of `[A-Za-z0-9._-]` segments. */
export interface ExportTarget {
  /** For display: a folder or `s3://bucket/prefix`. */
  readonly location: string
  /** Makes sure that files can be written. Rejects with the error of the place. */
  open(): Promise<void>
  /** Names of all files that are there, without those that an export has not completed. */
  list(): Promise<Set<string>>
  /** @returns null: there is no such file */
  read(name: string): Promise<Buffer | null>
  /** Writes a small file, durably; a reader sees the old one or the new one. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** A local path for a file that is being written. */
  unfinished(name: string): string
  /** Moves a complete local file to its name, durably; replaces what has that name. */
  publish(name: string): Promise<void>
  remove(names: readonly string[]): Promise<void>
  /** Removes what is unfinished. */
  discard(): Promise<void>
  /** Removes what only an unfinished export needs, and gives up the place. */
  close(): Promise<void>
}
