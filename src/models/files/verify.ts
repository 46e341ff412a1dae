import { join } from 'node:path'
import { isFromHub, isMade, type ModelSpec } from '../catalog/registry.js'
import { sha256OfFile } from './digest.js'
import { readMadeRecord } from './made-record.js'
import { statOrNothing } from './verified-files.js'

export interface VerifiedFile {
  readonly path: string
  readonly ok: boolean
  /**
   * SHA-256. Undefined for a bundled model: its digests form its revision; none are on record. Of a made file: from when
   * it was made.
   */
  readonly expected: string | undefined
  /** SHA-256, or `missing`. */
  readonly found: string
}

/** Computes the digest of every file of a model, ignoring stored ones. */
export async function verifyModel(spec: ModelSpec, folder: string, signal?: AbortSignal): Promise<VerifiedFile[]> {
  const made = isMade(spec) ? (await readMadeRecord(folder))?.files : undefined
  const files = isFromHub(spec)
    ? spec.origin.files
    : spec.origin.files.map(path => ({ path, sha256: made?.[path]?.sha256 }))
  const results: VerifiedFile[] = []
  for (const { path, sha256: expected } of files) {
    const there = await statOrNothing(join(folder, path))
    const found = there ? await sha256OfFile(join(folder, path), { signal }) : 'missing'
    results.push({ path, ok: there !== undefined && (expected ?? found) === found, expected, found })
  }
  return results
}
