import type { ModelFile } from '../catalog/entry.js'
import type { HubModelSpec } from '../catalog/registry.js'

/** What a source needs to know of a model. */
export type FetchedModel = Pick<HubModelSpec, 'name' | 'origin'>

/** The path of a file at its source. */
export function sourcePath({ path, from }: ModelFile): string {
  return from?.path ?? path
}

/** The paths of a file below a folder or bucket that has one model or several. */
export function candidatePaths({ name }: FetchedModel, file: ModelFile): string[] {
  return [...new Set([`${name}/${file.path}`, `${name}/${sourcePath(file)}`, sourcePath(file), file.path])]
}

/** A model file opened at a source. */
export interface OpenedFile {
  /** Offset of the first byte of `body`: the requested one, or 0 when the source cannot start in the middle. */
  readonly start: number
  /** Size of the whole file, when the source reports it. */
  readonly totalBytes: number | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** Must be called at the end, whether the body was read or not. */
  close(): Promise<void>
}

/**
 * A source of model files. Promises: a failure to open a file, or an error of its body, is a SourceError or the
 * signal's reason; nothing stays open after a failed `open` or after the opened file's `close`.
 */
export interface ModelSource {
  /** Returns the place of the file, for display. */
  locate(model: FetchedModel, file: ModelFile): string
  /** @param offset first byte wanted, to resume an interrupted download */
  open(model: FetchedModel, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile>
}

/**
 * - `missing`: the source does not have the file
 * - `refused`: the source responded, and a retry changes nothing
 * - `unreachable`: no connection
 * - `interrupted`: the download can resume where it stopped
 */
export type FailureKind = 'missing' | 'refused' | 'unreachable' | 'interrupted'

export class SourceError extends Error {
  override readonly name = 'SourceError'
  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
