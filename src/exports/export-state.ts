import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../domain/errors.js'
import type { ModelIdentity } from '../domain/model.js'
import type { AtlasOptions } from './atlas-options.js'
import type { Dtype, ExportedFile, FormatName, Shard } from './export-format.js'
import { sha256OfBytes } from './shard-file.js'
import type { ExportTarget } from './target/export-target.js'

/** Says what a complete export holds. It is written last. */
export const MANIFEST = 'manifest.json'
/** What is done of an unfinished export. */
export const STATE = '.export-state.json'
/** The photos of a query or of a diverse subset, so that a second start exports the same ones. */
export const CHOSEN = '.export-photos.json'

/** What an export was asked for; to continue it, the same must be asked for. */
export interface ExportRequest {
  format: FormatName
  dtype: Dtype | null
  model: Pick<ModelIdentity, 'name' | 'precision' | 'revision' | 'dimension'>
  columns: string[]
  /** Conditions, query and subset, as they were given. */
  selection: Record<string, unknown>
  /** Of the format atlas. */
  atlas?: AtlasOptions
}

export interface ExportState {
  version: 1
  request: ExportRequest
  shards: Shard[]
  /** Names of the shard that is being put in place: they may be there already. */
  pending: string[]
}

export interface Manifest extends ExportRequest {
  version: 1
  createdBy: string
  photos: number
  shards: Shard[]
  /** Files about the whole export. */
  files: ExportedFile[]
}

/** What is found at a target; `names`: of all files of the export. */
export type Found =
  | { kind: 'nothing' }
  | { kind: 'unfinished'; state: ExportState; names: string[] }
  | { kind: 'complete'; names: string[] }

/**
 * Looks at a target before anything is written.
 * @throws AppError TARGET_NOT_EMPTY where files are not those of an export, or were changed since
 */
export async function inspect(target: ExportTarget): Promise<Found> {
  const there = await target.list()
  if (there.size === 0) return { kind: 'nothing' }
  const state = there.has(STATE) ? await readJson<ExportState>(target, STATE) : null
  const manifest = there.has(MANIFEST) ? await readJson<Manifest>(target, MANIFEST) : null
  const own = [...filesOf(state), ...filesOf(manifest), ...(state || manifest ? [MANIFEST, STATE, CHOSEN] : [])]
  const foreign = [...there].find(name => !own.includes(name)) ?? (await changedFile(target, manifest))
  if (foreign !== undefined)
    throw new AppError(
      'TARGET_NOT_EMPTY',
      `Expected an empty place for the export, found ${JSON.stringify(foreign)} in ${target.location}, which is not as an export wrote it. Nothing was changed. Name another place.`,
    )
  // A state beside a manifest is left over: only its removal was missing.
  return manifest === null ? { kind: 'unfinished', state: state!, names: own } : { kind: 'complete', names: own }
}

function filesOf(found: ExportState | Manifest | null): string[] {
  if (found === null) return []
  const others = 'pending' in found ? found.pending : found.files.map(({ path }) => path)
  return [...found.shards.flatMap(({ files }) => files.map(({ path }) => path)), ...others]
}

/** People edit the files about an export, such as its README. */
async function changedFile(target: ExportTarget, manifest: Manifest | null): Promise<string | undefined> {
  for (const { path, sha256 } of manifest?.files ?? []) {
    const bytes = await target.read(path)
    if (bytes !== null && sha256OfBytes(bytes) !== sha256) return path
  }
  return undefined
}

/** @throws AppError EXPORT_DIFFERS for a state of another request, or with files missing */
export async function assertContinues(target: ExportTarget, state: ExportState, request: ExportRequest): Promise<void> {
  const wanted: Record<string, unknown> = { ...request }
  const [name] = Object.entries(state.request).find(([key, value]) => !isDeepStrictEqual(wanted[key], value)) ?? []
  if (name !== undefined)
    throw new AppError(
      'EXPORT_DIFFERS',
      `${target.location} holds an unfinished export with another ${name}: ${shown(state.request[name as keyof ExportRequest])}; found ${shown(wanted[name])}. Continue it with the command that began it, replace it with --replace, or name another place.`,
    )
  const names = await target.list()
  const missing = state.shards.flatMap(({ files }) => files).find(({ path }) => !names.has(path))
  if (missing !== undefined)
    throw new AppError(
      'EXPORT_DIFFERS',
      `${target.location} holds an unfinished export; expected its file ${missing.path}, which is gone. Replace it with --replace.`,
    )
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? 'none'

async function readJson<T extends ExportState | Manifest>(target: ExportTarget, name: string): Promise<T | null> {
  try {
    const found = JSON.parse(String(await target.read(name))) as T
    return found.version === 1 && Array.isArray(found.shards) ? found : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
