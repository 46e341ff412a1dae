import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import { errorCode, errorMessage } from '../../domain/text/error-text.js'
import { filesOf, type ModelEntry, type ModelFile } from './entry.js'
import { describeIssue, fetchedPath, object, parseModelJson } from './model-json.js'
import { specOf } from './registry.js'
import type { HubModelSpec } from './spec.js'

export const LOCK_VERSION = 1

/** A model that the user added: where it comes from, what `model.json` was derived, and the pinned files. */
export interface LockedModel {
  /** `hf:owner/name`, `s3://bucket/prefix` or a folder. */
  readonly source: string
  /** Commit of the repository; absent for a folder or bucket. */
  readonly revision?: string
  readonly entry: ModelEntry
  /** In the order of their paths. `from.path`: the path at the source, when it differs. */
  readonly files: readonly ModelFile[]
}

const SHA256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex')
const LINE = z.string().regex(/^[^\p{Cc}]{1,1000}$/u, 'a text of one line')
const bytes = z.custom<number>(value => Number.isSafeInteger(value) && Number(value) >= 0, 'a number of bytes')
const LOCK = object({
  version: z.literal(LOCK_VERSION, `${LOCK_VERSION}`),
  models: z.record(
    z.string(),
    object({
      source: LINE,
      revision: z
        .string()
        .regex(/^[0-9a-f]{40}$/, 'a commit of 40 hex digits')
        .optional(),
      model: z.record(z.string(), z.unknown()),
      files: z.record(fetchedPath, object({ bytes, sha256: SHA256, from: fetchedPath.optional() })),
    }),
  ),
})

/**
 * Reads `models.lock.json`.
 * @returns the models by name; none when there is no such file
 * @throws AppError MODEL_INVALID with the field, what was expected and what was found
 */
export function readModelsLock(path: string): ReadonlyMap<string, LockedModel> {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return new Map()
    throw invalid(path, [`expected the models that \`models add\` pinned, found ${errorMessage(cause)}`], cause)
  }
  const parsed = LOCK.safeParse(json)
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.map(issue => describeIssue(issue, json)),
    )
  return new Map(
    Object.entries(parsed.data.models).map(([name, { model, files, ...locked }]) => {
      const entry = parseModelJson({ name, ...model })
      if ('faults' in entry)
        throw invalid(
          path,
          entry.faults.map(fault => `models.${name}.model.${fault}`),
        )
      const pinned = Object.entries(files).map(([path, { from, ...file }]) => ({
        path,
        ...file,
        ...(from === undefined ? {} : { from: { path: from } }),
      }))
      for (const precision of Object.keys(entry.entry.precisions))
        for (const needed of filesOf(entry.entry, precision))
          if (!Object.hasOwn(files, needed))
            throw invalid(path, [`models.${name}.files: expected ${needed}, which ${precision} reads, found nothing`])
      return [name, { ...locked, entry: entry.entry, files: pinned }]
    }),
  )
}

/** The text of a lock file: the same models give the same text. */
export function writeModelsLock(models: ReadonlyMap<string, LockedModel>): string {
  const byName = <T>(entries: Iterable<readonly [string, T]>) =>
    Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
  const locked = [...models].map(([name, { source, revision, entry, files }]) => {
    const { name: _, ...model } = entry
    const pins = files.map(({ path, bytes, sha256, from }) => [path, { bytes, sha256, from: from?.path }] as const)
    return [name, { source, revision, model, files: byName(pins) }] as const
  })
  return `${JSON.stringify({ version: LOCK_VERSION, models: byName(locked) }, null, 2)}\n`
}

/** Every precision of the added models. Their files are fetched like those of the package's models. */
export function addedModels(locked: ReadonlyMap<string, LockedModel>): HubModelSpec[] {
  return [...locked.values()].flatMap(({ entry, files, source, revision = '' }) =>
    Object.keys(entry.precisions).map(precision => {
      const needed = filesOf(entry, precision)
      const others = new Set(Object.keys(entry.precisions).flatMap(other => filesOf(entry, other)))
      const own = files.filter(({ path }) => needed.includes(path) || !others.has(path))
      const repository = repositoryOf(source) ?? ''
      const origin = { kind: 'hub', repository, revision, files: own, added: { source, needed } } as const
      return specOf(entry, precision, origin) as HubModelSpec
    }),
  )
}

/** The repository of `hf:owner/name`. */
export function repositoryOf(source: string): string | undefined {
  return source.startsWith('hf:') ? source.slice('hf:'.length) : undefined
}

function invalid(path: string, faults: readonly string[], cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `${faults.map(fault => `${path}: ${fault}`).join('\n')}\nTake the file as \`models add\` wrote it (setting MODELS_LOCK), or move it away and add its models again.`,
    { cause },
  )
}
