import { readdir, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { withFileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import { filesOf } from '../catalog/entry.js'
import { type LockedModel, readModelsLock } from '../catalog/models-lock.js'
import { MODELS } from '../catalog/registry.js'
import { VerifiedFiles } from '../files/verified-files.js'
import { chooseFiles } from './choose-files.js'
import { FileFetcher, isWithin } from './fetch-files.js'
import { fetchAndDerive } from './fetch-model.js'
import { changeModelsLock, expectWritableLock } from './lock-store.js'
import type { AddedModel, AddOptions } from './options.js'
import type { Listing } from './sources/repository.js'
import { moveStaged, stage } from './staged-files.js'

/**
 * Adds a model: chooses and fetches its files, derives model.json, pins every digest in models.lock.json. Whether it
 * understands anything, its self-test says afterwards.
 * @throws AppError USAGE, MODEL_INVALID with what is missing; MODEL_DIGEST_MISMATCH when a pinned file has changed; and
 * those of the source
 */
export async function addModel(options: AddOptions): Promise<AddedModel> {
  const { repository, signal, cacheDir, lock } = options
  const listing = await repository.list(signal)
  const chosen = chooseFiles(repository.source, listing, options)
  const name = nameOf(options, listing)
  const folder = join(cacheDir, name)
  if (repository.source.startsWith('/')) await expectOutside(repository.source, cacheDir)
  const expectUsable = async () => {
    const before = expectFree(name, options, listing)
    await expectOwn(name, folder, before)
    return before
  }
  await expectUsable()
  await expectWritableLock(lock)
  makeFolder(folder)
  return withFileLock(
    join(folder, '.lock'),
    async () => {
      // Another process may have added it while this one waited for the lock.
      const before = await expectUsable()
      const isSame = before?.source === repository.source && before.revision === listing.revision
      // The files of a model that is in use stay as they are until those that replace them have run.
      const place = before ? await stage(folder, before.files, signal) : folder
      const fetcher = new FileFetcher({
        ...options,
        listing,
        name,
        folder: place,
        pinned: isSame && !options.update ? before : undefined,
      })
      const { model, ...found } = await fetchAndDerive(options, listing, chosen, name, place, fetcher)
      const { source, revision } = model
      const merged = isSame && before ? merge(before, model, options.update ?? false) : model
      await changeModelsLock(lock, models => new Map(models).set(name, merged), signal)
      if (place !== folder) await moveStaged(place, folder, model.files)
      await writeFile(join(folder, 'model.json'), `${JSON.stringify(merged.entry, null, 2)}\n`)
      const stale = (before?.files ?? []).filter(({ path }) => !merged.files.some(file => file.path === path))
      for (const { path } of stale) await rm(join(folder, path), { force: true })
      const precision = model.entry.defaultPrecision
      return { name, precision, source, revision, folder, entry: model.entry, files: model.files, ...found }
    },
    { signal },
  )
}

/** The name of a model: small letters, digits, `-`, `_` and `.`. */
function nameOf({ name, repository }: AddOptions, { files }: Listing): string {
  const made = repository.title
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 64)
  const found = name ?? made
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(found)) return found
  throw new AppError(
    'USAGE',
    `--name expects small letters, digits, "-", "_" and ".", found ${JSON.stringify(found)}${name === undefined ? `, made of ${repository.source} (${files.length} files)` : ''}.`,
  )
}

/**
 * Returns what the lock file has under the name.
 * @throws AppError USAGE when the name belongs to another model
 */
function expectFree(
  name: string,
  { repository, lock, update = false, taken = [] }: AddOptions,
  { revision }: Listing,
): LockedModel | undefined {
  if (MODELS.some(model => model.name === name))
    throw new AppError('USAGE', `${name} is a model of this program. Choose another name: --name NAME.`)
  if (taken.includes(name))
    throw new AppError(
      'USAGE',
      `${name} is the name of a model in a folder of MODEL_FOLDERS. Choose another name: --name NAME.`,
    )
  const locked = readModelsLock(lock).get(name)
  if (!locked || update) return locked
  if (locked.source !== repository.source)
    throw new AppError(
      'USAGE',
      `${name} is already added from ${locked.source}. Choose another name with --name, or replace it with --update.`,
    )
  if (locked.revision !== revision)
    throw new AppError(
      'USAGE',
      `${name} is already added at revision ${locked.revision}; ${repository.source} is now at ${revision}. Keep it (add ${repository.source}@${locked.revision}), or replace it with --update: photos must then be embedded again.`,
    )
  return locked
}

/** `models remove` would delete the files. */
async function expectOutside(folder: string, cacheDir: string): Promise<void> {
  if (!(await isWithin(folder, cacheDir))) return
  throw new AppError(
    'USAGE',
    `models add expects a folder outside of ${cacheDir}, where this program keeps its own copies, found ${folder}.`,
  )
}

/** Files of the user are not overwritten: only those that an earlier attempt fetched. */
async function expectOwn(name: string, folder: string, locked: LockedModel | undefined): Promise<void> {
  if (locked) return
  let entries: string[]
  try {
    entries = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter(entry => !entry.isDirectory())
      .map(entry => posix.join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch {
    return
  }
  const known = await VerifiedFiles.read(folder)
  // It is written last, beside files that were fetched.
  const isFetched = (path: string) =>
    known.knows(path) || (path === 'model.json' && entries.some(one => known.knows(one)))
  const foreign = entries.find(path => !path.startsWith('.') && !isFetched(path))
  if (foreign !== undefined)
    throw new AppError(
      'TARGET_NOT_EMPTY',
      `${folder} has a file that models add did not fetch: ${foreign}. Move it away, or choose another name: --name NAME (now ${name}).`,
    )
}

/** Another precision of a model joins those that it has. */
function merge(before: LockedModel, added: LockedModel, isUpdate: boolean): LockedModel {
  const precision = added.entry.defaultPrecision
  const others = Object.entries(before.entry.precisions).filter(([name]) => name !== precision)
  if (others.length === 0 || isUpdate) return added
  const entry = {
    ...added.entry,
    defaultPrecision: before.entry.defaultPrecision,
    precisions: { ...Object.fromEntries(others), ...added.entry.precisions },
  }
  const needed = new Set(others.flatMap(([name]) => filesOf(before.entry, name)))
  const kept = before.files.filter(({ path }) => needed.has(path) && !added.files.some(file => file.path === path))
  return { ...added, entry, files: [...added.files, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1)) }
}
