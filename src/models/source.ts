import type { HubModelSpec, ModelFile } from './registry.js'

/** A file of a model that a source has begun to give. */
export interface OpenedFile {
  /** Offset of the first byte of `body`: the one asked for, or 0 where the source cannot start in the middle. */
  readonly start: number
  /** Size of the whole file, where the source says it. */
  readonly totalBytes: number | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** To be called in the end, whether the body was read or not. */
  close(): Promise<void>
}

/**
 * Where model files come from. Promises: a failure to open a file, or an error of its body, is a SourceFailure, or
 * the signal's reason; nothing stays open after a failed `open` or after the opened file's `close`.
 */
export interface ModelSource {
  /** Where the file is looked for, as a person would write it. */
  locate(model: HubModelSpec, file: ModelFile): string
  /** @param offset first byte wanted: a download that was cut goes on there */
  open(model: HubModelSpec, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile>
}

/**
 * - `missing`: the source does not have the file
 * - `refused`: it answered, and trying again changes nothing
 * - `unreachable`: no connection came about
 * - `interrupted`: it may go on where it stopped
 */
export type FailureKind = 'missing' | 'refused' | 'unreachable' | 'interrupted'

export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
