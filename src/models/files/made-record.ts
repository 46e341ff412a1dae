import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Beside the files that this program made: what of, how, and how good they are. */
export const MADE_RECORD = 'int8-smooth.json'

export interface MadeRecord {
  /** Identity of the model: recipe and digest of the files that it was made of. */
  readonly revision: string
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
  /** Cosine similarity with the model in 32 bits, on the inputs of the calibration. */
  readonly cosine: Readonly<Record<'pictures' | 'texts', Cosines>>
}

export interface Cosines {
  readonly median: number
  readonly least: number
}

/** @param folder of the model @returns undefined when there is none, or an unreadable one */
export async function readMadeRecord(folder: string): Promise<MadeRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, MADE_RECORD), 'utf8')) as Partial<MadeRecord> | null
    return typeof record?.revision === 'string' && typeof record.files === 'object' ? (record as MadeRecord) : undefined
  } catch {
    return undefined
  }
}
